"""The sign-in over a clock that tests set, and a page over made-up facts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import SystemRandom

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

import empty_store
from fake_clock import FakeClock
from page_visitor import ADMIN_KEY, Visitor
from pulumi_groq.gateway.admin.credentials import AdminCredentials, RootKey
from pulumi_groq.gateway.sign_in_attempts import SignInAttempts
from pulumi_groq.gateway.ui import Ui
from pulumi_groq.gateway.ui.sessions import Sessions
from recorded_source import RecordedSource

RECORDED = Path(__file__).parents[2] / "reports" / "usage" / "golden" / "facts.json"


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread, as the server has one."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def make_sessions() -> Callable[..., Sessions]:
    """Sessions under a secret and an admin key."""

    def make(clock: FakeClock, secret: str = "s" * 32, admin_key: str = ADMIN_KEY) -> Sessions:
        return Sessions(secret, admin_key, clock, SystemRandom())

    return make


@pytest.fixture
def clock() -> FakeClock:
    """The gateway's clock."""
    return FakeClock()


@pytest.fixture
def visitor(
    portal: BlockingPortal, clock: FakeClock, make_sessions: Callable[..., Sessions], tmp_path: Path
) -> Iterator[Visitor]:
    """A visitor who is not signed in, at a page of recorded facts."""
    sessions = make_sessions(clock)
    store = empty_store.open_at(tmp_path / "ui.db")
    app = Ui(
        source=lambda _caller: RecordedSource.read(RECORDED),
        credentials=AdminCredentials([RootKey(ADMIN_KEY)]),
        sessions=sessions,
        attempts=SignInAttempts(clock),
        store=store,
        clock=clock,
    )
    yield Visitor(app, portal, clock, sessions)
    store.close()
