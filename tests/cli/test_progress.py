"""Commands that take long show it to a person at a terminal, say nothing to a pipe, and end at Ctrl-C."""

import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PAGE = b'{"object": "list", "as_of": "2026-11-23T12:00:00Z", "data": [], "has_more": false, '
PAGE += b'"first_id": null, "last_id": null}'
COMMANDS = [("keys", "list"), ("audit",), ("audit", "verify")]
EVERY_COMMAND = pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)


class Slow:
    """An admin API that answers nothing until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.asked.set()
                slow.let_go.wait(60)
                self.send_response(200)
                self.send_header("content-length", str(len(PAGE)))
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    return  # the command has ended

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.let_go.set()
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def started(slow: Slow, stderr: int, *arguments: str) -> "subprocess.Popen[bytes]":
    settings = {
        "GROQ_ADMIN_BASE_URL": f"http://127.0.0.1:{slow.server.server_port}",
        "GROQ_ADMIN_KEY": "adm-0123456789",
        "TERM": "xterm",
    }
    command = str(Path(sys.prefix, "bin", "pulumi-groq"))
    return subprocess.Popen(
        [command, *arguments], env=os.environ | settings, stdout=subprocess.PIPE, stderr=stderr
    )


def said(terminal: int, words: bytes) -> bytes:
    """What the terminal shows until `words` are among it."""
    shown = b""
    while words not in shown:
        readable, _, _ = select.select([terminal], [], [], 30)
        assert readable, shown
        shown += os.read(terminal, 4096)
    return shown


@EVERY_COMMAND
def test_a_terminal_is_told_and_ctrl_c_ends_it(arguments: tuple[str, ...], slow: Slow) -> None:
    """While the gateway is silent: what is being read; then the end, in one line and without a traceback."""
    terminal, stderr = pty.openpty()
    running = started(slow, stderr, *arguments)
    os.close(stderr)
    shown = said(terminal, b" read")
    assert slow.asked.wait(30)
    running.send_signal(signal.SIGINT)
    shown += said(terminal, b"Aborted!")
    assert running.communicate(timeout=30)[0].strip() == b""
    assert running.returncode == 1
    assert b"Traceback" not in shown
    os.close(terminal)


@EVERY_COMMAND
def test_a_pipe_gets_the_result_alone(arguments: tuple[str, ...], slow: Slow) -> None:
    """Nothing on stderr, and no control character on stdout."""
    running = started(slow, subprocess.PIPE, *arguments)
    slow.let_go.set()
    told, complained = running.communicate(timeout=60)
    assert (running.returncode, complained) == (0, b"")
    assert b"\x1b" not in told
