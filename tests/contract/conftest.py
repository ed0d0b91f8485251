"""Gateways in processes of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway_process import Server, start_gateway


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts gateways on one store; those that still run at the end of the test are killed."""
    started: list[Server] = []

    def start(*options: str) -> Server:
        started.append(start_gateway(tmp_path, *options))
        return started[-1]

    yield start
    for server in started:
        server.clear_away()


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway with test controls, shared by tests that leave nothing behind that matters to others."""
    server = start_gateway(tmp_path_factory.mktemp("one-server"), "--test-controls")
    yield server
    server.clear_away()
