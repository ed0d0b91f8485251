"""Some units in one back end, the others in another, as one set of counters."""

from collections.abc import Collection, Sequence
from typing import Final

from pulumi_groq.gateway.counters.protocol import Counters, CounterSet, TakeResult
from pulumi_groq.policy.limits import Demand, Quota, Unit

ALL_BUT_MONEY: Final[frozenset[Unit]] = frozenset({"requests", "running", "tokens"})


class SplitCounterSet:
    """The first back end first: where the second then refuses, what it took is given back.

    `first_places` and `second_places` are where the quotas of each stand among all.
    """

    __slots__ = ("_first", "_first_places", "_second", "_second_places")

    def __init__(
        self, first: CounterSet, first_places: Sequence[int], second: CounterSet, second_places: Sequence[int]
    ) -> None:
        self._first = first
        self._first_places = first_places
        self._second = second
        self._second_places = second_places

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        """Take the demand from all counters, or from none of them."""
        first = await self._first.take(demand, now_s, reservation_id, expires_s)
        if first.refused is not None:
            second = await self._second.full(now_s)
            none = [0] * len(second.levels)  # those of what refused are asked for only
            levels = self._joined(first.levels, second.levels)
            return TakeResult(self._first_places[first.refused], levels, self._joined(first.reserved, none))
        try:
            second = await self._second.take(demand, now_s, reservation_id, expires_s)
        except BaseException:  # also of a client that has gone meanwhile
            await self._give_back(demand, reservation_id, now_s)
            raise
        if second.refused is None:
            return TakeResult(None, self._joined(first.levels, second.levels))
        await self._give_back(demand, reservation_id, now_s)
        before = await self._first.full(now_s)
        none = [0] * len(before.levels)
        return TakeResult(
            self._second_places[second.refused],
            self._joined(before.levels, second.levels),
            self._joined(none, second.reserved),
        )

    async def full(self, now_s: float) -> TakeResult:
        """Which counter of requests, if any, is too full for one more; nothing is taken."""
        first = await self._first.full(now_s)
        second = await self._second.full(now_s)
        places = [
            places[result.refused]
            for places, result in ((self._first_places, first), (self._second_places, second))
            if result.refused is not None
        ]
        return TakeResult(min(places, default=None), self._joined(first.levels, second.levels))

    async def settle(
        self, demand: Demand, reservation_id: str, *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Release what a reservation holds, and count what was used instead."""
        for each in (self._first, self._second):
            await each.settle(
                demand, reservation_id, tokens=tokens, cost_micro_usd=cost_micro_usd, now_s=now_s
            )

    def is_idle(self, now_s: float) -> bool:
        """Whether nothing would be lost with it."""
        return self._first.is_idle(now_s) and self._second.is_idle(now_s)

    def _joined(self, first: Sequence[float], second: Sequence[float]) -> list[float]:
        """In the order of all quotas."""
        joined = [0.0] * (len(first) + len(second))
        for places, values in ((self._first_places, first), (self._second_places, second)):
            for place, value in zip(places, values, strict=True):
                joined[place] = value
        return joined

    async def _give_back(self, demand: Demand, reservation_id: str, now_s: float) -> None:
        await self._first.settle(demand, reservation_id, tokens=0, cost_micro_usd=0, now_s=now_s)


class SplitCounters:
    """Counts some units in `second`, all others, money among them, in `first`."""

    def __init__(self, first: Counters, second: Counters, units_of_second: Collection[Unit]) -> None:
        self._first = first
        self._second = second
        self._units_of_second = units_of_second

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> SplitCounterSet:
        """The counters of these quotas. Levels come in their order."""
        second = [place for place, quota in enumerate(quotas) if quota.unit in self._units_of_second]
        first = [place for place, quota in enumerate(quotas) if quota.unit not in self._units_of_second]
        return SplitCounterSet(
            self._first.counter_set([quotas[place] for place in first], now_s),
            first,
            self._second.counter_set([quotas[place] for place in second], now_s),
            second,
        )

    def holds(self, quota: Quota) -> bool:
        """Whether a quota of money or of running requests has its counter."""
        return (self._second if quota.unit in self._units_of_second else self._first).holds(quota)

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Count more, or less, as spent."""
        self._first.correct(counter_key, more_micro_usd)
