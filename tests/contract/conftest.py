"""The real command in a process of its own, on a free port and a store of its own."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

ADMIN_KEY = "admin-key-of-the-contract-tests"
START_DEADLINE_S = 60
STOP_DEADLINE_S = 60


@dataclass
class Server:
    """A running gateway."""

    process: "subprocess.Popen[str]"
    url: str
    store: Path

    def client(self) -> httpx.Client:
        """A client of the admin API."""
        return httpx.Client(
            base_url=f"{self.url}/openai/v1",
            headers={"authorization": f"Bearer {ADMIN_KEY}"},
            timeout=60,
            trust_env=False,
        )

    def control(self, name: str, **order: Any) -> httpx.Response:
        """Give an order to the test controls."""
        with self.client() as client:
            answer = client.post(f"{self.url}/__test__/{name}", json=order)
        assert answer.status_code == 200, answer.text
        return answer

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(STOP_DEADLINE_S)

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_DEADLINE_S)

    def clear_away(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


def _announced_url(process: "subprocess.Popen[str]") -> str:
    """Wait for the line that says where the gateway listens."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        if select.select([process.stdout], [], [], 1)[0]:
            line = process.stdout.readline()
            assert line.startswith("gateway listening on "), line or "the gateway ended"
            return line.split()[-1]
    raise AssertionError("the gateway did not announce itself in time")


def _start(folder: Path, *options: str) -> Server:
    store = folder / "gateway.db"
    command = [sys.executable, "-m", "pulumi_groq.cli", "serve", "--port=0", f"--store=sqlite:///{store}"]
    with (folder / "gateway.log").open("a") as log:
        process = subprocess.Popen(
            [*command, *options],
            env=os.environ | {"GROQ_ADMIN_KEY": ADMIN_KEY},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    return Server(process, _announced_url(process), store)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts gateways on one store; those that still run at the end of the test are killed."""
    started: list[Server] = []

    def start(*options: str) -> Server:
        started.append(_start(tmp_path, *options))
        return started[-1]

    yield start
    for server in started:
        server.clear_away()


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway with test controls, shared by tests that leave nothing behind that matters to others."""
    server = _start(tmp_path_factory.mktemp("one-server"), "--test-controls")
    yield server
    server.clear_away()
