"""Counters of one process. A restart empties the rate buckets; totals are seeded from the ledger."""

from collections import deque
from collections.abc import Mapping

from pulumi_groq.gateway.counters.protocol import Taking
from pulumi_groq.policy.bucket import drained
from pulumi_groq.policy.limits import Charge, LimitName, refusing
from pulumi_groq.policy.spend import month_cells


class _Bucket:
    """What is in it as of `updated_s` drains; `held` stays until it is settled."""

    __slots__ = ("held", "level", "limit", "updated_s", "window_s")

    def __init__(self, limit: int, window_s: int, now_s: float) -> None:
        self.level = 0.0
        self.held = 0
        self.updated_s = now_s
        self.limit = limit
        self.window_s = window_s

    def advance(self, now_s: float) -> None:
        elapsed_s = now_s - self.updated_s
        if elapsed_s > 0:
            self.level = drained(self.level, elapsed_s=elapsed_s, limit=self.limit, window_s=self.window_s)
            self.updated_s = now_s


class _Total:
    """What is in it is spent and stays; `held` is reserved by requests in flight; micro-dollars."""

    __slots__ = ("held", "level")

    def __init__(self, spent_micro_usd: int = 0) -> None:
        self.level = spent_micro_usd
        self.held = 0


class MemoryCounters:
    """The in-process `Counters`. Atomic because nothing in a call waits: use it on one event loop only.

    Each call looks at one bucket in turn and forgets it when it is empty and holds nothing, so that
    memory follows the keys in use.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._totals: dict[str, _Total] = {}
        self._to_look_at: deque[str] = deque()
        self._month = ""

    @property
    def bucket_count(self) -> int:
        """How many rate buckets are remembered."""
        return len(self._buckets)

    async def take(self, charges: tuple[Charge, ...], now_s: float) -> Taking:
        """Take all charges, or none of them."""
        self._forget_an_idle_bucket(now_s)
        levels: dict[LimitName, float] = {}
        counters: list[_Bucket | _Total] = []
        for limit, cell, _, _, ceiling, window_s in charges:
            counter: _Bucket | _Total
            if window_s is None or ceiling is None:
                counter = self._total(cell)
            else:
                counter = self._bucket(cell, ceiling, window_s, now_s)
                # A limit may have changed; from here on the bucket drains at the new pace.
                counter.limit = ceiling
            counters.append(counter)
            levels[limit] = counter.level + counter.held
        refused = refusing(charges, levels)
        if refused is None:
            for (limit, _, unit, amount, _, _), counter in zip(charges, counters, strict=True):
                if unit == "requests":
                    counter.level += amount
                else:
                    counter.held += amount
                levels[limit] += amount
        return Taking(refused, levels)

    async def settle(
        self, charges: tuple[Charge, ...], *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Let go of what the charges hold, and count what was used instead."""
        for _, cell, unit, amount, ceiling, window_s in charges:
            if window_s is None or ceiling is None:
                total = self._total(cell)
                total.held -= amount
                total.level += cost_micro_usd
            elif unit == "tokens":
                bucket = self._bucket(cell, ceiling, window_s, now_s)
                bucket.held -= amount
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

    def _total(self, cell: str) -> _Total:
        total = self._totals.get(cell)
        if total is None:
            total = self._totals[cell] = _Total()
        return total

    def _bucket(self, cell: str, limit: int, window_s: int, now_s: float) -> _Bucket:
        """The bucket, drained until now."""
        bucket = self._buckets.get(cell)
        if bucket is None:
            bucket = self._buckets[cell] = _Bucket(limit, window_s, now_s)
            self._to_look_at.append(cell)
            return bucket
        bucket.advance(now_s)
        return bucket

    def _forget_an_idle_bucket(self, now_s: float) -> None:
        if not self._to_look_at:
            return
        cell = self._to_look_at.popleft()
        bucket = self._buckets[cell]
        bucket.advance(now_s)
        if bucket.held or bucket.level:
            self._to_look_at.append(cell)
        else:
            del self._buckets[cell]
