"""Who uses which key: noted in memory as requests end, and written to the store every few seconds.

A consumer is an address and a `User-Agent`. Every request of a live key counts, a refused one too: whoever
sends it holds the key's value.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final

from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.consumers import (
    LONGEST_USER_AGENT,
    SeenConsumer,
    consumers_of,
    note_consumers,
)
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.consumer import MOST_CONSUMERS, Consumer

WRITE_PERIOD_S: Final = 10.0

SeenByKey = dict[str, dict[tuple[str, bytes], float]]
"""Key id -> address and user agent -> last request (Unix seconds), the latest at the end."""


class Consumers:
    """At most `MOST_CONSUMERS` of each key, in memory as in the store. A crash loses the last seconds."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen: SeenByKey = {}
        self._on_the_way: SeenByKey = {}

    def observe(self, record: RequestRecord) -> None:
        """An observer of the inference plane."""
        if record.key_id:
            _note(
                self._seen.setdefault(record.key_id, {}),
                (record.address, record.user_agent[:LONGEST_USER_AGENT]),
                self._clock.now_s(),
            )

    async def write(self) -> None:
        """Bring what was noted to the store. Raises `StoreUnavailableError`: the next call writes it too."""
        if not self._seen:
            return
        self._on_the_way, self._seen = self._seen, {}
        try:
            await asyncio.to_thread(self._write, self._on_the_way)
        except BaseException:
            for key_id, meanwhile in self._seen.items():
                of_key = self._on_the_way.setdefault(key_id, {})
                for consumer, at_s in meanwhile.items():
                    _note(of_key, consumer, at_s)
            self._seen = self._on_the_way
            raise
        finally:
            self._on_the_way = {}

    def of(self, key_id: str) -> list[Consumer]:
        """Those of one key, the one seen last first. For any thread; waits for the store."""
        # First memory: what is written in between is then found twice, never not at all.
        noted = [
            each for seen in (self._seen, self._on_the_way) for each in _of_key(key_id, seen.get(key_id, {}))
        ]
        with self._store.read() as connection:
            noted += consumers_of(connection, key_id)
        latest: dict[tuple[str, str], int] = {}
        for _, address, user_agent, at_us in noted:
            latest[address, user_agent] = max(at_us, latest.get((address, user_agent), 0))
        shown = sorted(latest.items(), key=lambda each: (-each[1], each[0]))
        return [
            Consumer(address=address, user_agent=user_agent, last_used_at=_time(at_us))
            for (address, user_agent), at_us in shown[:MOST_CONSUMERS]
        ]

    def _write(self, seen: SeenByKey) -> None:
        with self._store.write() as connection:
            note_consumers(
                connection, [each for key_id, of_key in seen.items() for each in _of_key(key_id, of_key)]
            )


def _note(of_key: dict[tuple[str, bytes], float], consumer: tuple[str, bytes], at_s: float) -> None:
    of_key.pop(consumer, None)
    if len(of_key) == MOST_CONSUMERS:
        del of_key[next(iter(of_key))]
    of_key[consumer] = at_s


def _of_key(key_id: str, of_key: dict[tuple[str, bytes], float]) -> list[SeenConsumer]:
    return [
        SeenConsumer(key_id, address, _text(user_agent), round(at_s * 1_000_000))
        for (address, user_agent), at_s in of_key.copy().items()
    ]


def _text(user_agent: bytes) -> str:
    # Of Latin-1 each byte is one character, so the length holds; PostgreSQL's text takes no NUL.
    return "".join(each if each.isprintable() else "?" for each in user_agent.decode("latin-1"))


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)
