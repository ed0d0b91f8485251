"""Keeps the usage in each gateway's memory equal to what all gateways on the store have booked."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from pulumi_groq.gateway.metering.ledger import Ledger
from pulumi_groq.gateway.metering.ledger_writer import records_beside
from pulumi_groq.gateway.metering.read_back import day_sums
from pulumi_groq.gateway.metering.usage import UsageInMemory
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.ledger import KeyDaySums
from pulumi_groq.gateway.store.replicas import CapRefusal
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.gateway.store.usage_news import UsageNews, usage_news
from pulumi_groq.policy.windows import day_of, last_month, month_of


class UsageRefresh:
    """Reads what was written after the write `seen`. To be called between two flushes of the ledger: what
    then waits to be written is exactly what the store lacks.
    """

    def __init__(
        self,
        *,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        seen: int,
        cap_refusals: Callable[[], Collection[CapRefusal]],
        spent_elsewhere: Callable[[str, int], None],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._seen = seen
        self._cap_refusals = cap_refusals
        self._spent_elsewhere = spent_elsewhere
        self._aside: frozenset[str] = frozenset()

    async def __call__(self) -> bool:
        """Bring the usage in memory up to date; gives whether anything was written since. Raises
        `StoreUnavailableError`.
        """
        news = await asyncio.to_thread(self._read)
        usage: UsageInMemory = self._ledger.usage
        usage.others_refusals = frozenset(self._cap_refusals())
        if news is None:
            return False
        rows, aside = self._ledger.unwritten
        own = [day_sums(record) for record in records_beside(rows, [*news.set_aside, *aside])]
        for more in usage.replace(_with(news.days, own), _with(news.months, _by_month(own))):
            # Batches are no spend of their time: whoever books one has not counted it either.
            cost = more.cost_micro_usd - news.of_batches.get((more.key_id, more.day), 0)
            if cost > 0:
                self._spent_elsewhere(news.lineages.get(more.key_id, more.key_id), cost)
        for key_id, at in news.last_used.items():
            usage.used(key_id, at.timestamp())
        self._ledger.set_aside = len(news.set_aside)
        self._aside = frozenset(each.key_id for each in news.set_aside if each.key_id is not None)
        self._seen = news.newest
        return True

    def _read(self) -> UsageNews | None:
        now = self._clock.now()
        yesterday = day_of(now - timedelta(days=1))
        with self._store.read() as connection:
            return usage_news(connection, self._seen, yesterday, last_month(month_of(now)), self._aside)


def _by_month(sums: Sequence[KeyDaySums]) -> list[KeyDaySums]:
    return [each._replace(day=each.day[:7]) for each in sums]


def _with(stored: Sequence[KeyDaySums], unwritten: Sequence[KeyDaySums]) -> list[KeyDaySums]:
    """The whole spans of the keys that were read, oldest first."""
    concerned = {each.key_id for each in stored}
    whole = [*stored, *(each for each in unwritten if each.key_id in concerned)]
    return sorted(whole, key=lambda each: each.day)
