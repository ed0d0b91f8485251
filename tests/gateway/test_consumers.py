"""Who uses which key: noted by address and `User-Agent`, kept through restarts, bounded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from fake_clock import NOON, FakeClock
from in_process_gateway import MODEL, Wire, in_process_gateway
from pulumi_groq.gateway.consumers import Consumers
from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.store.consumers import LONGEST_USER_AGENT
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.store import Connection, Store, open_store
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.consumer import MOST_CONSUMERS

KEY = "key_01a"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store on SQLite."""
    store = open_store(f"sqlite:///{tmp_path / 'gateway.db'}")
    yield store
    store.close()


def used(address: str, user_agent: bytes = b"app/1", key_id: str = KEY) -> RequestRecord:
    """A request of a key."""
    return RequestRecord("req_1", key_id=key_id, address=address, user_agent=user_agent)


def seen(consumers: Consumers, key_id: str = KEY) -> list[tuple[str, str, float]]:
    """Address, user agent and seconds after noon."""
    return [
        (each.address, each.user_agent, (each.last_used_at - NOON).total_seconds())
        for each in consumers.of(key_id)
    ]


async def test_the_last_use_of_each_counts(store: Store) -> None:
    """The newest first; another key's are its own; what is written says the same."""
    clock = FakeClock()
    consumers = Consumers(store, clock)
    requests = [("10.0.0.1", KEY), ("10.0.0.2", KEY), ("10.0.0.1", KEY), ("10.0.0.3", "key_01b")]
    for address, key_id in requests:
        consumers.observe(used(address, key_id=key_id))
        clock.advance(seconds=1)
    expected = [("10.0.0.1", "app/1", 2), ("10.0.0.2", "app/1", 1)]
    assert seen(consumers) == expected
    await consumers.write()
    assert seen(consumers) == expected
    consumers.observe(used("10.0.0.2"))
    assert seen(consumers) == [("10.0.0.2", "app/1", 4), ("10.0.0.1", "app/1", 2)]


async def test_they_outlive_the_process(store: Store) -> None:
    """The next process shows what the last one wrote, and goes on from it."""
    clock = FakeClock()
    first = Consumers(store, clock)
    first.observe(used("10.0.0.1"))
    await first.write()
    second = Consumers(store, clock)
    assert seen(second) == [("10.0.0.1", "app/1", 0)]
    clock.advance(hours=1)
    second.observe(used("10.0.0.1"))
    await second.write()
    assert seen(second) == [("10.0.0.1", "app/1", 3600)]


async def test_a_request_without_a_key_is_nobodys(store: Store) -> None:
    """What was refused for its credential leaves nothing."""
    consumers = Consumers(store, FakeClock())
    consumers.observe(used("10.0.0.1", key_id=""))
    await consumers.write()
    assert seen(consumers, "") == []


@pytest.mark.parametrize("rounds", [1, 7])
async def test_a_key_has_a_bounded_number(store: Store, rounds: int) -> None:
    """Whoever sends a new `User-Agent` each time fills nothing; the newest are kept."""
    clock = FakeClock()
    consumers = Consumers(store, clock)
    total = MOST_CONSUMERS * 5
    for number in range(total):
        consumers.observe(used("10.0.0.1", b"app/%d" % number))
        clock.advance(seconds=1)
        if number % (total // rounds) == 0:
            await consumers.write()
    await consumers.write()
    newest = [("10.0.0.1", f"app/{number}", number) for number in range(total)][-MOST_CONSUMERS:]
    assert seen(consumers) == newest[::-1]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"", ""),
        (b"a\x00b\x1b[31m", "a?b?[31m"),
        (b"caf\xe9", "caf\xe9"),
        (b"x" * 5_000, "x" * LONGEST_USER_AGENT),
        (b"\xff" * 5_000, "\xff" * LONGEST_USER_AGENT),
    ],
)
async def test_any_user_agent_is_kept_harmless(store: Store, sent: bytes, shown: str) -> None:
    """Bounded, and without characters that a terminal or a database would take amiss."""
    consumers = Consumers(store, FakeClock())
    consumers.observe(used("10.0.0.1", sent))
    await consumers.write()
    assert [agent for _, agent, _ in seen(consumers)] == [shown]


async def test_what_the_store_does_not_take_is_written_later(store: Store) -> None:
    """Nothing is lost while it is away, and what was seen meanwhile is the newer."""
    clock = FakeClock()
    away = StoreAway(store)
    consumers = Consumers(away, clock)  # type: ignore[arg-type]  # all that it uses of a store
    consumers.observe(used("10.0.0.1"))
    away.then = lambda: consumers.observe(used("10.0.0.2"))
    with pytest.raises(StoreUnavailableError):
        await consumers.write()
    assert [address for address, _, _ in seen(consumers)] == ["10.0.0.1", "10.0.0.2"]
    away.is_away = False
    await consumers.write()
    assert [address for address, _, _ in seen(Consumers(store, clock))] == ["10.0.0.1", "10.0.0.2"]


class StoreAway:
    """Reads as the store below does, and fails to write while it is away."""

    def __init__(self, below: Store) -> None:
        self.is_away = True
        self.then: Callable[[], None] | None = None  # happens while the write fails
        self._below = below
        self.read = below.read

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self.is_away:
            if self.then is not None:
                self.then()
            raise StoreUnavailableError("the disk is full")
        with self._below.write() as connection:
            yield connection


def test_a_gateway_tells_who_calls(tmp_path: Path) -> None:
    """Every request of a live key counts, a refused one too; after a restart they are still there."""
    with in_process_gateway(tmp_path) as gateway:
        client = Wire(gateway).client()
        key = client.create_key(ApiKeyCreate(name="bot", allowed_models=[MODEL]), "token").key
        other = client.create_key(ApiKeyCreate(name="b", allowed_models=[MODEL]), "other").key
        for user_agent, model in [("app/1", MODEL), ("app/2", "llama-3.1-8b-instant")]:
            gateway.advance(timedelta(minutes=1))
            headers = {"authorization": f"Bearer {key.api_key}", "user-agent": user_agent}
            body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
            url = "http://gateway/openai/v1/chat/completions"
            gateway.answer(httpx.Request("POST", url, headers=headers, json=body))
        found = client.consumers(key.id)
        assert [(each.address, each.user_agent) for each in found.data] == [
            ("127.0.0.1", "app/2"),
            ("127.0.0.1", "app/1"),
        ]
        assert found.data[0].last_used_at == found.as_of
        assert client.consumers(other.id).data == []
    with in_process_gateway(tmp_path) as gateway:
        assert Wire(gateway).client().consumers(key.id).data == found.data
