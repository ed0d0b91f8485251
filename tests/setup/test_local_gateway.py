"""The gateway behind `make up`: started once, stopped for good, never mistaken for another."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from free_ports import free_port

START = "import sys; sys.path.insert(0, 'setup'); import local_gateway as g; print(g.start(int(sys.argv[1])))"
STOP = "import sys; sys.path.insert(0, 'setup'); import local_gateway as g; print(g.stop())"

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def call(installed: Path) -> Iterator[Call]:
    """Runs one line of Python in the checkout; a gateway that it starts is stopped at the end."""

    def run_it(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, cwd=installed, capture_output=True, text=True, check=False)

    yield run_it
    run_it(STOP)


@pytest.fixture
def port() -> str:
    """One that nobody listens on."""
    return str(free_port())


def _pid(checkout: Path) -> int:
    return int(json.loads((checkout / ".local" / "gateway.json").read_text(encoding="utf-8"))["pid"])


def test_a_started_gateway_is_ready(call: Call, port: str) -> None:
    """Once start returns, the gateway answers at the address that it gave."""
    assert call(START, port).stdout == f"http://127.0.0.1:{port}\n"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as answer:
        assert answer.status == 200


def test_a_running_gateway_is_kept(call: Call, port: str, installed: Path) -> None:
    """A second start gives the running gateway, whatever port it asks for."""
    first = call(START, port).stdout
    pid = _pid(installed)
    assert call(START, "1").stdout == first
    assert _pid(installed) == pid


def test_stopping_ends_it(call: Call, port: str) -> None:
    """After stop nothing listens, and a second stop says that there was nothing to stop."""
    call(START, port)
    assert call(STOP).stdout == "True\n"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0
    assert call(STOP).stdout == "False\n"


def test_a_crashed_gateway_is_started_again(call: Call, port: str, installed: Path) -> None:
    """A gateway that was killed leaves nothing behind that keeps the next one from starting."""
    call(START, port)
    killed = _pid(installed)
    os.kill(killed, signal.SIGKILL)
    assert call(START, port).returncode == 0
    assert _pid(installed) != killed


def test_a_number_left_by_another_process_is_harmless(call: Call, port: str, installed: Path) -> None:
    """Stop never signals a process that merely has the number of a gateway that is gone."""
    call(START, port)
    call(STOP)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as bystander:
        record = f'{{"pid": {bystander.pid}, "port": {port}}}'
        (installed / ".local" / "gateway.json").write_text(record, encoding="utf-8")
        assert call(STOP).stdout == "False\n"
        assert bystander.poll() is None
        bystander.communicate("\n", timeout=30)


def test_a_taken_port_is_one_line(call: Call) -> None:
    """A port in use gives one line with the way out."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = call(START, str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"setup: port {port} is taken by another program; choose a free one: make up PORT={port + 1}\n"
    )


def test_a_gateway_that_cannot_run_says_why(call: Call, port: str, installed: Path) -> None:
    """A gateway that ends at once gives its own last line and where the rest is."""
    (installed / ".local" / "gateway.db").mkdir(parents=True)
    done = call(START, port)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("setup: the gateway ended at once: ")
    assert done.stderr.endswith("(see .local/gateway.log)\n")


def test_secrets_are_readable_by_their_owner_alone(call: Call, port: str, installed: Path) -> None:
    """The admin key is made with mode 0600."""
    call(START, port)
    assert (installed / ".local" / "admin-key").stat().st_mode & 0o777 == 0o600
