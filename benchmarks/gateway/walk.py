"""Counts what one chat call passes in the gateway: calls, modules, and changes of file.

`--show` lists the functions in their order, resumed coroutines and callbacks included.

The gateway runs in this process in front of the mock upstream, with everything on. Of several equal requests
the one with the fewest calls is shown: the others met a round of the upkeep. Only the package's own functions
count. Another checkout is walked with its package first on PYTHONPATH.
"""

import argparse
import http.client
import itertools
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import servers

import pulumi_groq
from pulumi_groq.cli.main import commands

PACKAGE = str(Path(pulumi_groq.__file__).parent) + os.sep
REQUESTS = 40
Step = tuple[str, str]


class Recorder:
    """Notes each call of the package's functions on the server's thread while it is told to."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.on = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if self.on and event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            code = frame.f_code
            self.steps.append((code.co_filename.removeprefix(PACKAGE), code.co_qualname))


def changes_of_file(steps: list[Step]) -> int:
    return sum(before[0] != after[0] for before, after in itertools.pairwise(steps))


def walked(recorder: Recorder, port: int, key: str, *, stream: bool) -> list[Step]:
    """The steps of the request with the fewest."""
    body = json.dumps(
        {
            "model": "openai/gpt-oss-20b",
            "messages": [{"role": "user", "content": "Say what a gateway is for."}],
            "max_completion_tokens": 64,
            "stream": stream,
        }
    )
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    fewest: list[Step] = []
    for _ in range(REQUESTS):
        recorder.steps = []
        recorder.on = True
        connection.request("POST", "/openai/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        answer.read()
        time.sleep(0.05)  # what is done after the last byte belongs to the call too
        recorder.on = False
        if answer.status != 200:
            raise SystemExit(f"the gateway answered {answer.status}")
        if not fewest or len(recorder.steps) < len(fewest):
            fewest = recorder.steps
    connection.close()
    return fewest


def report(port: int, recorder: Recorder, *, show: bool) -> None:
    try:
        key = servers.prepared_key(f"http://127.0.0.1:{port}/openai/v1")
        print("| call | calls | modules | changes of file |\n|---|---:|---:|---:|")
        shown = []
        for name, stream in (("JSON", False), ("stream", True)):
            steps = walked(recorder, port, key, stream=stream)
            shown.append((name, steps))
            print(
                f"| {name} | {len(steps)} | {len({file for file, _ in steps})} | {changes_of_file(steps)} |"
            )
        for name, steps in shown if show else ():
            print(f"\n{name}\n" + "\n".join(f"  {file}  {function}" for file, function in steps))
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def when_up(port: int, recorder: Recorder, *, show: bool) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    report(port, recorder, show=show)


def main() -> None:
    parser = argparse.ArgumentParser(description="Counts what one chat call passes in the gateway.")
    parser.add_argument("--show", action="store_true", help="list the functions in their order")
    show = parser.parse_args().show
    os.environ["GROQ_ADMIN_KEY"] = servers.ADMIN_KEY
    os.environ["GROQ_API_KEY"] = "benchmark"
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        upstream, upstream_port = servers.mock(Path(folder))
        port = servers.free_port()
        client = threading.Thread(target=when_up, args=(port, recorder), kwargs={"show": show}, daemon=True)
        client.start()
        sys.setprofile(recorder)
        try:
            commands(
                [
                    "serve", "--port", str(port), "--store", f"sqlite:///{folder}/gateway.db",
                    "--upstream", f"http://127.0.0.1:{upstream_port}", "--log-format", "json",
                ],
                standalone_mode=False,
            )  # fmt: skip
        finally:
            sys.setprofile(None)
            upstream.stop()
        client.join()


if __name__ == "__main__":
    main()
