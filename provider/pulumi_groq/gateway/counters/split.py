"""Money in one back end, rates in another, as one set of counters."""

from collections.abc import Mapping, Sequence

from pulumi_groq.gateway.counters.protocol import Counters, CounterSet, TakeResult
from pulumi_groq.policy.limits import Demand, Quota


class SplitCounterSet:
    """Money first, since it refuses first: where rates then refuse, it is given back."""

    __slots__ = ("_money", "_money_count", "_rates")

    def __init__(self, money: CounterSet, money_count: int, rates: CounterSet) -> None:
        self._money = money
        self._money_count = money_count
        self._rates = rates

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        """Take the demand from all counters, or from none of them."""
        money = await self._money.take(demand, now_s, reservation_id, expires_s)
        if money.refused is not None:
            rates = await self._rates.full(now_s)
            reserved = (*money.reserved, *(0 for _ in rates.levels))  # those of money are asked for only
            return TakeResult(money.refused, [*money.levels, *rates.levels], reserved)
        try:
            rates = await self._rates.take(demand, now_s, reservation_id, expires_s)
        except BaseException:  # also of a client that has gone meanwhile
            await self._give_money_back(demand, reservation_id, now_s)
            raise
        if rates.refused is None:
            return TakeResult(None, [*money.levels, *rates.levels])
        await self._give_money_back(demand, reservation_id, now_s)
        levels = [level - demand.cost_micro_usd for level in money.levels]
        reserved = (*(0 for _ in levels), *rates.reserved)
        return TakeResult(self._money_count + rates.refused, [*levels, *rates.levels], reserved)

    async def full(self, now_s: float) -> TakeResult:
        """Which request counter, if any, is too full for one more; nothing is taken."""
        money = await self._money.full(now_s)
        rates = await self._rates.full(now_s)
        refused = None if rates.refused is None else self._money_count + rates.refused
        return TakeResult(refused, [*money.levels, *rates.levels])

    async def settle(
        self, demand: Demand, reservation_id: str, *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Release what a reservation holds, and count what was used instead."""
        for each in (self._money, self._rates):
            await each.settle(
                demand, reservation_id, tokens=tokens, cost_micro_usd=cost_micro_usd, now_s=now_s
            )

    def is_idle(self, now_s: float) -> bool:
        """Whether nothing would be lost with it."""
        return self._money.is_idle(now_s) and self._rates.is_idle(now_s)

    async def _give_money_back(self, demand: Demand, reservation_id: str, now_s: float) -> None:
        await self._money.settle(demand, reservation_id, tokens=0, cost_micro_usd=0, now_s=now_s)


class SplitCounters:
    """Totals by `money`, rate buckets by `rates`."""

    def __init__(self, money: Counters, rates: Counters) -> None:
        self._money = money
        self._rates = rates

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> SplitCounterSet:
        """The counters of these quotas; those of money come first."""
        money = [quota for quota in quotas if quota.unit == "micro_usd"]
        if list(quotas[: len(money)]) != money:
            raise ValueError("quotas of money come first")
        return SplitCounterSet(
            self._money.counter_set(money, now_s),
            len(money),
            self._rates.counter_set(quotas[len(money) :], now_s),
        )

    async def open_month(self, month: str, spent_micro_usd: Mapping[str, int]) -> None:
        """Go on with `month`: only money knows months."""
        await self._money.open_month(month, spent_micro_usd)

    def correct(self, counter_key: str, more_micro_usd: int) -> None:
        """Count more, or less, as spent."""
        self._money.correct(counter_key, more_micro_usd)
