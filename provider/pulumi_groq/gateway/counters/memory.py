"""Counters of one process. A restart empties the rate buckets; totals are seeded from the ledger."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from pulumi_groq.gateway.counters.protocol import Taking
from pulumi_groq.policy.bucket import Bucket
from pulumi_groq.policy.limits import Quota, amounts_of, refusing
from pulumi_groq.policy.metering import Demand
from pulumi_groq.policy.spend import month_cells

MOST_LOOKED_AT: Final = 1_000
"""Buckets looked at by one `forget_idle`, so that it never keeps requests waiting for long."""


class _Total:
    """What is in it is spent and stays; `held` is reserved by requests in flight; micro-dollars."""

    __slots__ = ("held", "level")

    def __init__(self, spent_micro_usd: int = 0) -> None:
        self.level = spent_micro_usd
        self.held = 0


class MemoryCounters:
    """The in-process `Counters`. Atomic because nothing in a call waits: use it on one event loop only.

    Memory follows the keys in use: an idle bucket is forgotten by one of the next calls of `forget_idle`.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._totals: dict[str, _Total] = {}
        self._to_look_at: deque[str] = deque()
        self._month = ""

    @property
    def bucket_count(self) -> int:
        """How many rate buckets are remembered."""
        return len(self._buckets)

    async def take(self, quotas: tuple[Quota, ...], demand: Demand, now_s: float) -> Taking:
        """Take the demand from all quotas, or from none of them."""
        counters: list[Bucket | _Total] = []
        levels: list[float] = []
        for quota in quotas:
            window_s, ceiling = quota.window_s, quota.ceiling
            counter: Bucket | _Total
            if window_s is None or ceiling is None:
                counter = self._totals.get(quota.cell) or self._new_total(quota.cell)
            else:
                counter = self._buckets.get(quota.cell) or self._new_bucket(quota, ceiling, window_s, now_s)
                counter.drain(now_s)
                # A limit may have changed; from here on the bucket drains at the new pace.
                counter.limit = ceiling
            counters.append(counter)
            levels.append(counter.level + counter.held)
        amounts = amounts_of(demand)
        refused = refusing(quotas, amounts, levels)
        if refused is None:
            for position, counter in enumerate(counters):
                unit = quotas[position].unit
                amount = amounts[unit]
                levels[position] += amount
                if unit == "requests":
                    counter.level += amount
                else:
                    counter.held += amount
        return Taking(refused, levels)

    async def settle(
        self, quotas: tuple[Quota, ...], demand: Demand, *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Let go of what a demand holds, and count what was used instead."""
        for quota in quotas:
            window_s, ceiling = quota.window_s, quota.ceiling
            if window_s is None or ceiling is None:
                total = self._totals.get(quota.cell) or self._new_total(quota.cell)
                total.held -= demand.cost_micro_usd
                total.level += cost_micro_usd
            elif quota.unit == "tokens":
                bucket = self._buckets.get(quota.cell) or self._new_bucket(quota, ceiling, window_s, now_s)
                bucket.drain(now_s)
                bucket.held -= demand.tokens
                bucket.level += tokens

    async def open_month(self, month: str, spent_micro_usd: Mapping[str, int]) -> None:
        """Go on with `month`, from these totals where none are held. Totals of the month before stay:
        requests are in flight in them.
        """
        kept = (month_cells(month), month_cells(self._month))
        self._totals = {cell: total for cell, total in self._totals.items() if cell.startswith(kept)}
        self._month = month
        for cell, spent in spent_micro_usd.items():
            self._totals.setdefault(cell, _Total(spent))

    async def forget_idle(self, now_s: float) -> None:
        """Look at up to `MOST_LOOKED_AT` buckets in turn and forget the empty ones that hold nothing."""
        for _ in range(min(len(self._to_look_at), MOST_LOOKED_AT)):
            cell = self._to_look_at.popleft()
            bucket = self._buckets[cell]
            bucket.drain(now_s)
            if bucket.held or bucket.level:
                self._to_look_at.append(cell)
            else:
                del self._buckets[cell]

    def _new_total(self, cell: str) -> _Total:
        total = self._totals[cell] = _Total()
        return total

    def _new_bucket(self, quota: Quota, limit: int, window_s: int, now_s: float) -> Bucket:
        bucket = self._buckets[quota.cell] = Bucket(limit, window_s, now_s)
        self._to_look_at.append(quota.cell)
        return bucket
