"""The sign-in over a clock that tests set, and a page over made-up facts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from pulumi_groq.gateway.admin.credentials import AdminKey
from pulumi_groq.gateway.ui import Ui
from pulumi_groq.gateway.ui.attempts import SignInAttempts
from pulumi_groq.gateway.ui.sessions import Sessions
from recorded_source import RecordedSource

ADMIN_KEY = "admin-key-of-the-ui-tests"
RECORDED = Path(__file__).parents[2] / "reports" / "usage" / "golden" / "facts.json"


class SetClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class Visitor:
    """Somebody with a browser that keeps cookies only when told to."""

    app: Ui
    portal: BlockingPortal
    clock: SetClock
    sessions: Sessions
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "192.0.2.1"

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.portal.call(partial(self._ask, method, path, **options))

    def sign_in(self, key: str = ADMIN_KEY, **options: Any) -> httpx.Response:
        answer = self.post("/ui/sign-in", data={"admin_key": key}, **options)
        if "set-cookie" in answer.headers:
            name, _, rest = answer.headers["set-cookie"].partition("=")
            self.cookies = {name: rest.partition(";")[0]}
        return answer

    async def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(self.address, 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", cookies=self.cookies
        ) as client:
            return await client.request(method, path, **options)


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread, as the server has one."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def make_sessions() -> Callable[..., Sessions]:
    """Sessions under a secret and an admin key."""

    def make(clock: SetClock, secret: str = "s" * 32, admin_key: str = ADMIN_KEY) -> Sessions:
        return Sessions(secret, admin_key, clock, SystemRandom())

    return make


@pytest.fixture
def clock() -> SetClock:
    """The gateway's clock."""
    return SetClock()


@pytest.fixture
def visitor(portal: BlockingPortal, clock: SetClock, make_sessions: Callable[..., Sessions]) -> Visitor:
    """A visitor who is not signed in, at a page of recorded facts."""
    sessions = make_sessions(clock)
    app = Ui(
        source=RecordedSource.read(RECORDED),
        admin_key=AdminKey(ADMIN_KEY),
        sessions=sessions,
        attempts=SignInAttempts(clock),
    )
    return Visitor(app, portal, clock, sessions)
