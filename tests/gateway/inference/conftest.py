"""A plane with doubles that behave: keys in a dict, a metering that remembers, an echo upstream."""

import asyncio
import hashlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

import pytest
import uvicorn

from patience import until
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.http.asgi import Message
from pulumi_groq.gateway.http.drain import Drain
from pulumi_groq.gateway.http.protocol import HttpProtocol
from pulumi_groq.gateway.inference import EchoUpstream, InferenceOptions, InferencePlane
from pulumi_groq.gateway.inference.echo.request import PLAIN, EchoScript
from pulumi_groq.gateway.inference.options import DEFAULT_OPTIONS
from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.metering.journal import Admission
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.policy.access import KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.limits import Consumption, Demand, Denial

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY = "pgq_" + "A" * 48
MODEL = "openai/gpt-oss-20b"
MODELS = frozenset(
    {MODEL, "llama-3.1-8b-instant", "whisper-large-v3-turbo", "canopylabs/orpheus-v1-english", "gone/model"}
)
RATE_HEADERS = ((b"x-ratelimit-limit-requests", b"1000"), (b"x-ratelimit-remaining-requests", b"999"))
DEADLINE_S = 60.0


@dataclass
class FixedClock(Clock):
    """Stands still until it is moved."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class DictDirectory:
    """Keys by the digest of their value."""

    keys: dict[bytes, KeyAccess] = field(default_factory=dict)
    organisation: OrganisationPolicy | None = None

    def add(self, value: str, **changes: Any) -> KeyAccess:
        key = KeyAccess(
            key_id="key_01" + "0" * 24,
            name="chatbot",
            lineage_id="key_01" + "0" * 24,
            team=None,
            models=MODELS,
            limits=Limits(),
            monthly_budget_micro_usd=None,
            expires_at=None,
            disabled=False,
        )
        key = replace(key, **changes)
        self.keys[hashlib.sha256(value.encode()).digest()] = key
        return key

    def find(self, key_hash: bytes) -> KeyAccess | None:
        return self.keys.get(key_hash)


@dataclass
class Settled:
    """One settlement."""

    demand: Demand
    consumption: Consumption | None
    status: int


@dataclass
class RememberingMetering:
    """Admits all, or answers with `denial`; refuses a second settlement of a reservation."""

    denial: Denial | None = None
    open: dict[str, Demand] = field(default_factory=dict)
    settled: list[Settled] = field(default_factory=list)
    twice: int = 0

    async def turns_away(self, key: KeyAccess) -> Denial | None:
        return None if self.denial is None else self.denial._replace(headers=RATE_HEADERS)

    async def admit(self, key: KeyAccess, demand: Demand, request_id: str) -> Reservation | Denial:
        if self.denial is not None:
            return self.denial._replace(headers=RATE_HEADERS)
        self.open[request_id] = demand
        admission = Admission(
            request_id, key.key_id, key.lineage_id, key.team, demand.model, demand.cost_micro_usd, 0
        )
        counters = MemoryCounters().counter_set((), 0)
        return Reservation(admission, demand, counters, b"", RATE_HEADERS, expires_s=900)

    async def settle(self, reservation: Reservation, consumption: Consumption | None, status: int) -> None:
        if self.open.pop(reservation.id, None) is None:
            self.twice += 1
        self.settled.append(Settled(reservation.demand, consumption, status))


@dataclass
class Answer:
    """What an application sent."""

    messages: list[Message]

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.messages[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])


@dataclass
class Bench:
    """A plane, its doubles and its echo. `upstream` replaces the echo where a test brings its own."""

    options: InferenceOptions = DEFAULT_OPTIONS
    script: EchoScript = PLAIN
    upstream: Any = None
    catalogue: Catalogue = field(default_factory=Catalogue.load)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    real_metering: Callable[[FixedClock, DictDirectory], Any] | None = None

    def __post_init__(self) -> None:
        self.clock = FixedClock()
        self.directory = DictDirectory()
        self.key = self.directory.add(KEY)
        self.metering = RememberingMetering()
        metering = self.metering
        if self.real_metering is not None:
            metering = self.real_metering(self.clock, self.directory)
        self.echo = EchoUpstream(self.clock, self.script, self.sleep)
        self.records: list[RequestRecord] = []
        self.plane = InferencePlane(
            directory=self.directory,
            metering=metering,
            upstream=self.upstream or self.echo,
            catalogue=self.catalogue,
            clock=self.clock,
            ids=ObjectIds(self.clock, SystemRandom()),
            drain=Drain(),
            options=self.options,
            observers=(self.records.append,),
        )

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        raw_path: bytes | None = None,
    ) -> Answer:
        """One request without a network; the client stays connected."""
        sent = {"authorization": f"Bearer {KEY}", "content-type": "application/json", **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode() if raw_path is None else raw_path,
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items() if value],
        }
        return asyncio.run(self.drive(scope, body))

    def post(self, name: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """A POST to `/openai/v1/{name}` with its length."""
        return self.request(
            "POST", f"/openai/v1/{name}", body, {"content-length": str(len(body)), **(headers or {})}
        )

    async def drive(self, scope: dict[str, Any], body: bytes) -> Answer:
        """One request inside a running loop."""
        messages: list[Message] = []
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if pending:
                return pending.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            messages.append(message)

        async with asyncio.timeout(DEADLINE_S):
            await self.plane(scope, receive, send)
        return Answer(messages)


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Makes a plane with its doubles."""
    return Bench


@contextmanager
def _serving(app: Any, config: dict[str, Any]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            **{
                "loop": "uvloop",
                "http": HttpProtocol,
                "ws": "none",
                "lifespan": "off",
                "log_config": None,
                "access_log": False,
                "timeout_graceful_shutdown": 5,
                **config,
            },
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started, "the server has started")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)
        listener.close()


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """Serves an ASGI application on a real port (uvicorn, uvloop, our protocol); gives its base URL."""
    with ExitStack() as stack:
        yield lambda app, **config: stack.enter_context(_serving(app, config))


@pytest.fixture
def echo_script() -> type[EchoScript]:
    """How an echo is to behave."""
    return EchoScript


@pytest.fixture
def options() -> type[InferenceOptions]:
    """The settings of a plane."""
    return InferenceOptions
