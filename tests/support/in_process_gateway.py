"""The real gateway in this process, on a clock that tests set, behind wires that can be cut."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

import empty_store
from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.admin.retry import Backoff
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.assembly import assemble
from pulumi_groq.gateway.clock import MovableClock
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.settings import Settings
from pulumi_groq.gateway.store.store import Store

ADMIN_KEY = "admin-key-of-the-lifecycle-tests"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "openai/gpt-oss-20b"
ANSWER_DEADLINE_S = 60


class StandingClock(Clock):
    """Stands still: only what a test does moves the time above it."""

    def now(self) -> datetime:
        return BEGIN


class InProcessGateway:
    """The whole gateway as an ASGI application, called from ordinary code."""

    def __init__(self, app: Any, clock: MovableClock, portal: BlockingPortal) -> None:
        self._app = app
        self._portal = portal
        self._clock = clock

    def now(self) -> datetime:
        """The server's time."""
        return self._clock.now()

    def advance(self, span: timedelta) -> None:
        """Let `span` pass."""
        self._clock.set(self._clock.now() + span)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Have one request served to its end; raises `TimeoutError` where that does not come."""
        content = request.read()
        return self._portal.call(self._serve, request.method, request.url, request.headers, content)

    async def _serve(
        self, method: str, url: httpx.URL, headers: httpx.Headers, content: bytes
    ) -> httpx.Response:
        request = httpx.Request(method, url, headers=headers, content=content)
        async with asyncio.timeout(ANSWER_DEADLINE_S):  # which tells the line that waits
            answer = await httpx.ASGITransport(self._app).handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

    def chat(self, api_key: str) -> int:
        """One chat request with `api_key`; the status."""
        return self.chat_answer(api_key).status_code

    def chat_answer(self, api_key: str) -> httpx.Response:
        """The same; the whole answer."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 1}
        url = "http://gateway/openai/v1/chat/completions"
        headers = {"authorization": f"Bearer {api_key}"}
        return self.answer(httpx.Request("POST", url, headers=headers, json=body))


@contextmanager
def in_process_gateway(folder: Path) -> Iterator[InProcessGateway]:
    """A gateway on the echo upstream, its store below `folder`."""
    store_url = f"sqlite:///{folder / 'gateway.db'}"
    settings = Settings(
        admin_key=ADMIN_KEY, store_url=store_url, test_controls=True, allow_loopback_issuers=True
    )
    store = empty_store.open_at(folder / "gateway.db")
    clock = MovableClock(StandingClock())
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(settings, store, clock)) as app,
    ):
        yield InProcessGateway(app, clock, portal)
    store.close()


@asynccontextmanager
async def serving(settings: Settings, store: Store, clock: MovableClock) -> AsyncIterator[Any]:
    """The assembled gateway, its lifespan led as a server leads it."""
    app = assemble(settings, Catalogue.load(), store, clock).app
    told: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    said: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan"}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    yield app
    await told.put({"type": "lifespan.shutdown"})
    await life


class Cut(Enum):
    """How one request of a run goes wrong."""

    BEFORE = "the process dies before the request is sent"
    AFTER = "the process dies after the request was served"
    LOST = "the request is served, its answer is lost"


class ProcessDiedError(Exception):
    """Stands for kill -9 of the provider's process: no code of the product sees it coming."""


@dataclass
class Wire(httpx.BaseTransport):
    """Carries admin requests to the gateway; the request number `at`, from 1, goes wrong as `cut` says."""

    gateway: InProcessGateway
    cut: Cut | None = None
    at: int = 0
    sent: list[str] = field(default_factory=list)
    minted: dict[str, str] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Notes the method, and the ids of created keys by their values."""
        self.sent.append(request.method)
        cut = self.cut if len(self.sent) == self.at else None
        if cut is Cut.BEFORE:
            raise ProcessDiedError
        answer = self.gateway.answer(request)
        if request.method == "POST" and answer.status_code == 201:
            key = json.loads(answer.content)
            self.minted[key.get("api_key") or key["admin_key"]] = key["id"]
        if cut is Cut.AFTER:
            raise ProcessDiedError
        if cut is Cut.LOST:
            raise httpx.ReadError("connection reset")
        return answer

    @property
    def writes(self) -> list[str]:
        """The methods of the requests that were no GET."""
        return [method for method in self.sent if method != "GET"]

    def client(self, admin_key: str = ADMIN_KEY) -> AdminClient:
        """A client that takes the first failure for an answer."""
        settings = AdminSettings("http://gateway", admin_key)
        return AdminClient(settings, transport=self, backoff=Backoff(most_attempts=1, away_s=0))
