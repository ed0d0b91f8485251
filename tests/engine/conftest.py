"""The real engine against a real gateway: one gateway process and one project folder a test."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import local_engine
from local_engine import DYNAMIC, PROGRAM, Gateway, Stack
from recorded_runs import RecordedRuns


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways on free ports; stops them after the test."""
    started: list[Gateway] = []

    def start(name: str = "gateway") -> Gateway:
        gateway = local_engine.start_gateway(tmp_path / f"{name}.db")
        started.append(gateway)
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def gateway(start_gateway: Callable[..., Gateway]) -> Gateway:
    """A running gateway with an empty store."""
    return start_gateway()


@pytest.fixture
def new_stack(tmp_path: Path) -> Callable[..., Stack]:
    """Makes project folders, each with one stack; state and home stay below the test's folder."""
    return partial(local_engine.new_stack, tmp_path)


@pytest.fixture(scope="session")
def recorded_runs(tmp_path_factory: pytest.TempPathFactory) -> RecordedRuns:
    """The runs that several tests begin with."""
    return RecordedRuns(lambda: tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def deployed(
    recorded_runs: RecordedRuns, start_gateway: Callable[..., Gateway], tmp_path: Path, package: str
) -> Callable[..., tuple[Gateway, Stack]]:
    """A gateway and a stack after one `pulumi up` for each of the declarations that it is called with; that
    of other tests with the same ones, copied.
    """

    def make(*declarations: dict[str, Any], program: str = PROGRAM) -> tuple[Gateway, Stack]:
        open_stack = recorded_runs.copy_to(tmp_path, package, declarations, program)
        gateway = start_gateway()
        return gateway, open_stack(gateway)

    return make


@pytest.fixture
def package(request: pytest.FixtureRequest) -> str:
    """The package whose resources programs declare; modules that say so run over both (BOTH_PACKAGES)."""
    package: str = getattr(request, "param", DYNAMIC)
    return package


@pytest.fixture
def stack(gateway: Gateway, new_stack: Callable[..., Stack], package: str) -> Stack:
    """A stack that talks to `gateway`."""
    return new_stack(gateway, package=package)
