"""Money and running requests in one back end, rates in another, as one set of counters."""

from collections.abc import Sequence

from pulumi_groq.gateway.counters.protocol import Counters, CounterSet, TakeResult
from pulumi_groq.policy.limits import Demand, Quota

RATES = ("requests", "tokens")
"""The units that drain."""


class SplitCounterSet:
    """Money and running requests first: where rates then refuse, they are given back.

    `own_places` and `rate_places` are where the quotas of each stand among all.
    """

    __slots__ = ("_own", "_own_places", "_rate_places", "_rates")

    def __init__(
        self, own: CounterSet, own_places: Sequence[int], rates: CounterSet, rate_places: Sequence[int]
    ) -> None:
        self._own = own
        self._own_places = own_places
        self._rates = rates
        self._rate_places = rate_places

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        """Take the demand from all counters, or from none of them."""
        own = await self._own.take(demand, now_s, reservation_id, expires_s)
        if own.refused is not None:
            rates = await self._rates.full(now_s)
            none = [0] * len(rates.levels)  # those of what refused are asked for only
            levels = self._joined(own.levels, rates.levels)
            return TakeResult(self._own_places[own.refused], levels, self._joined(own.reserved, none))
        try:
            rates = await self._rates.take(demand, now_s, reservation_id, expires_s)
        except BaseException:  # also of a client that has gone meanwhile
            await self._give_back(demand, reservation_id, now_s)
            raise
        if rates.refused is None:
            return TakeResult(None, self._joined(own.levels, rates.levels))
        await self._give_back(demand, reservation_id, now_s)
        before = await self._own.full(now_s)
        none = [0] * len(before.levels)
        return TakeResult(
            self._rate_places[rates.refused],
            self._joined(before.levels, rates.levels),
            self._joined(none, rates.reserved),
        )

    async def full(self, now_s: float) -> TakeResult:
        """Which counter of requests, if any, is too full for one more; nothing is taken."""
        own = await self._own.full(now_s)
        rates = await self._rates.full(now_s)
        places = [
            places[result.refused]
            for places, result in ((self._own_places, own), (self._rate_places, rates))
            if result.refused is not None
        ]
        return TakeResult(min(places, default=None), self._joined(own.levels, rates.levels))

    async def settle(
        self, demand: Demand, reservation_id: str, *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Release what a reservation holds, and count what was used instead."""
        for each in (self._own, self._rates):
            await each.settle(
                demand, reservation_id, tokens=tokens, cost_micro_usd=cost_micro_usd, now_s=now_s
            )

    def is_idle(self, now_s: float) -> bool:
        """Whether nothing would be lost with it."""
        return self._own.is_idle(now_s) and self._rates.is_idle(now_s)

    def _joined(self, own: Sequence[float], rates: Sequence[float]) -> list[float]:
        """In the order of all quotas."""
        joined = [0.0] * (len(own) + len(rates))
        for places, values in ((self._own_places, own), (self._rate_places, rates)):
            for place, value in zip(places, values, strict=True):
                joined[place] = value
        return joined

    async def _give_back(self, demand: Demand, reservation_id: str, now_s: float) -> None:
        await self._own.settle(demand, reservation_id, tokens=0, cost_micro_usd=0, now_s=now_s)


class SplitCounters:
    """Totals and running requests by `own`, rate buckets by `rates`."""

    def __init__(self, own: Counters, rates: Counters) -> None:
        self._own = own
        self._rates = rates

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> SplitCounterSet:
        """The counters of these quotas. Levels come in their order."""
        rates = [place for place, quota in enumerate(quotas) if quota.unit in RATES]
        own = [place for place, quota in enumerate(quotas) if quota.unit not in RATES]
        return SplitCounterSet(
            self._own.counter_set([quotas[place] for place in own], now_s),
            own,
            self._rates.counter_set([quotas[place] for place in rates], now_s),
            rates,
        )

    def holds(self, counter_key: str) -> bool:
        """Whether a total of money is held."""
        return self._own.holds(counter_key)

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Count more, or less, as spent."""
        self._own.correct(counter_key, more_micro_usd)
