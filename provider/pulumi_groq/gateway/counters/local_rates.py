"""Rates and running requests without a back end that all gateways share: each holds its part in memory.

The parts together are at most the limit (limit / live gateways, rounded down), except that no part is below
one: a limit that is smaller than the number of gateways lets each of them serve one.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pulumi_groq.gateway.counters.local_share import level_as_of_the_limit
from pulumi_groq.gateway.counters.memory import MemoryCounters, MemoryCounterSet
from pulumi_groq.gateway.counters.protocol import TakeResult
from pulumi_groq.policy.limits import Demand, Quota, amount_of


class LocalRateSet:
    """The counters of some quotas, none of them of money."""

    __slots__ = ("_counters", "_live", "_parts", "_quotas", "_replicas", "_set")

    def __init__(
        self, counters: MemoryCounters, live: Callable[[], int], quotas: Sequence[Quota], now_s: float
    ) -> None:
        self._counters = counters
        self._live = live
        self._quotas = quotas
        self._divide(now_s)

    def _divide(self, now_s: float) -> None:
        self._replicas = self._live()
        self._parts = [_part(quota, self._replicas) for quota in self._quotas]
        self._set: MemoryCounterSet = self._counters.counter_set(self._parts, now_s)

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        """Take the demand from all counters, or from none of them."""
        if self._live() != self._replicas:
            self._divide(now_s)
        result = await self._set.take(demand, now_s, reservation_id, expires_s)
        return self._of_the_limits(result, demand if result.refused is not None else None)

    async def full(self, now_s: float) -> TakeResult:
        """Which counter of requests is too full for one more; nothing is taken."""
        return self._of_the_limits(await self._set.full(now_s), None)

    async def settle(
        self, demand: Demand, reservation_id: str, *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Release what a reservation holds, and count what was used instead."""
        await self._set.settle(
            demand, reservation_id, tokens=tokens, cost_micro_usd=cost_micro_usd, now_s=now_s
        )

    def is_idle(self, now_s: float) -> bool:
        """Whether nothing would be lost with it."""
        return self._set.is_idle(now_s)

    def _of_the_limits(self, result: TakeResult, refused: Demand | None) -> TakeResult:
        """What clients are told is of the whole limit."""
        if self._replicas == 1:
            return result
        levels = [
            level_as_of_the_limit(
                quota,
                part.ceiling or 0,
                level,
                0 if refused is None else amount_of(quota, refused),
                self._replicas,
            )
            for quota, part, level in zip(self._quotas, self._parts, result.levels, strict=True)
        ]
        return result._replace(levels=levels)


class LocalRates:
    """Implements `Counters` for rates and running requests, with `live` gateways on the same store."""

    def __init__(self, counters: MemoryCounters, live: Callable[[], int]) -> None:
        self._counters = counters
        self._live = live

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> LocalRateSet:
        """The counters of these quotas. Levels come in their order."""
        return LocalRateSet(self._counters, self._live, quotas, now_s)

    def holds(self, quota: Quota) -> bool:
        """Whether a quota of running requests has its counter."""
        return self._counters.holds(quota)

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Rates hold no money."""


def _part(quota: Quota, replicas: int) -> Quota:
    return quota if quota.ceiling is None else replace(quota, ceiling=max(1, quota.ceiling // replicas))
