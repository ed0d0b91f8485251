"""Starts and stops the local gateway: the echo upstream, a SQLite store, in the background.

A lock that the gateway's process inherits says whether it runs; unlike a process id in a file it
cannot be stale, whether the gateway crashed or the machine was restarted.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from checkout import LOCAL, ROOT, VENV_BIN, fail, say
from local_settings import STORE, admin_key

HOST = "127.0.0.1"
LOG = LOCAL / "gateway.log"
READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30
_RUNNING = LOCAL / "gateway.json"
_LOCK = LOCAL / "gateway.lock"


def start(port: int) -> str:
    """The running gateway's base URL; starts one on `port` first where none runs."""
    LOCAL.mkdir(exist_ok=True)
    with _LOCK.open("a") as lock:
        if not _take(lock):
            return _base_url(_running()["port"])
        _fail_where_taken(port)
        say(f"Starting the gateway on {_base_url(port)} ...")
        process = _launch(port, lock)
        _RUNNING.write_text(json.dumps({"pid": process.pid, "port": port}), encoding="utf-8")
        _wait_until_ready(process, port)
    return _base_url(port)


def stop() -> bool:
    """Stop the gateway, letting running requests finish; whether there was one."""
    if not _LOCK.exists():
        return False
    with _LOCK.open("a") as lock:
        if _take(lock):
            return False
        pid = _running()["pid"]
        os.kill(pid, signal.SIGTERM)
        if not _taken_within(lock, STOPPED_WITHIN_S):
            os.kill(pid, signal.SIGKILL)
            _taken_within(lock, STOPPED_WITHIN_S)
    return True


def _base_url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _running() -> dict[str, int]:
    running: dict[str, int] = json.loads(_RUNNING.read_text(encoding="utf-8"))
    return running


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken_within(lock: IO[str], seconds: float) -> bool:
    deadline_s = time.monotonic() + seconds
    while not _take(lock):
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.1)
    return True


def _fail_where_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            fail(f"port {port} is taken by another program; choose a free one: make up PORT={port + 1}")


def _launch(port: int, lock: IO[str]) -> subprocess.Popen[bytes]:
    command = [str(VENV_BIN / "pulumi-groq"), "serve", "--host", HOST, "--port", str(port)]
    command += ["--store", f"sqlite:///{STORE}", "--upstream", "echo", "--drain-seconds", "10"]
    with LOG.open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "GROQ_ADMIN_KEY": admin_key()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock.fileno()],
            start_new_session=True,  # Ctrl-C on `make` is not meant for it
        )


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline_s = time.monotonic() + READY_WITHIN_S
    while not _ready(port):
        where = f"see {LOG.relative_to(ROOT)}"
        if process.poll() is not None:
            fail(f"the gateway ended at once: {_last_line(LOG)} ({where})")
        if time.monotonic() > deadline_s:
            process.kill()
            fail(f"the gateway was not ready within {READY_WITHIN_S} s; {where}")
        time.sleep(0.1)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
