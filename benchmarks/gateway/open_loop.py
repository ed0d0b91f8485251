"""Fixed rates, sent whether or not answers come (vegeta): what a closed loop's waiting hides."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from load import request
from servers import LOAD_CORE, Server

RATES = (50, 100, 200, 500)
VEGETA = "github.com/tsenart/vegeta/v12@v12.12.0"
INSTALL_S = 600


def vegeta(folder: Path) -> str | None:
    """The program: on PATH, or built in `folder` from the Go module proxy; else `None`."""
    found = shutil.which("vegeta", path=f"{folder / 'bin'}:{os.environ['PATH']}")
    go = shutil.which("go")
    if found is None and go is not None:
        built = subprocess.run(
            [go, "install", VEGETA],
            env={**os.environ, "GOBIN": str(folder / "bin")},
            capture_output=True,
            timeout=INSTALL_S,
            check=False,
        )
        found = str(folder / "bin/vegeta") if built.returncode == 0 else None
    return found


def table(program: str, made: list[Server], seconds: int) -> Iterator[str]:
    """p50, p99 and successes of each server at each rate."""
    yield f"\n### JSON at a fixed rate, {seconds} s each (open loop)\n"
    heads = "".join(f" {rate}/s: p50 / p99 ms |" for rate in RATES)
    yield f"| server |{heads}"
    yield "|---|" + "---:|" * len(RATES)
    for server in made:
        cells = [_attacked(program, server, rate, seconds) for rate in RATES]
        yield f"| {server.name} | {' | '.join(cells)} |"


def _attacked(program: str, server: Server, rate: int, seconds: int) -> str:
    pinned = ["taskset", "-c", LOAD_CORE, program]
    attack = [*pinned, "attack", f"-rate={rate}", f"-duration={seconds}s", "-format=json", "-timeout=10s"]
    shots = subprocess.run(attack, input=_target(server), check=True, capture_output=True).stdout
    report = subprocess.run(
        [program, "report", "-type=json"], input=shots, check=True, capture_output=True
    ).stdout
    got = json.loads(report)
    took = got["latencies"]
    text = f"{took['50th'] / 1e6:.1f} / {took['99th'] / 1e6:.1f}"
    return text if got["success"] == 1 else f"{text} ({got['success']:.1%} answered)"


def _target(server: Server) -> bytes:
    """The same request as in the closed loop, as vegeta reads it."""
    head, _, body = request(server.url, server.key, "json", server.headers).partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    header = {name: [value] for name, value in lines if name not in ("host", "content-length")}
    target = {"method": "POST", "url": server.url, "header": header, "body": base64.b64encode(body).decode()}
    return json.dumps(target).encode() + b"\n"
