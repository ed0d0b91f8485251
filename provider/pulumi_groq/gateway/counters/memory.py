"""Counters of one process. A restart empties the rate buckets; totals are seeded from the ledger."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from pulumi_groq.gateway.counters.protocol import Taking
from pulumi_groq.policy.bucket import drained
from pulumi_groq.policy.limits import Charge, LimitName, refusing
from pulumi_groq.policy.spend import month_cells

_LOOKED_AT_PER_TAKE: Final = 2


class _Bucket:
    """`level` as of `updated_s` drains; `held` stays until it is settled."""

    __slots__ = ("held", "level", "limit", "updated_s", "window_s")

    def __init__(self, charge: Charge, now_s: float) -> None:
        self.level = 0.0
        self.held = 0
        self.updated_s = now_s
        self.limit = charge.ceiling or 0
        self.window_s = charge.window_s or 0

    def advance(self, now_s: float) -> None:
        if now_s > self.updated_s:
            elapsed_s = now_s - self.updated_s
            self.level = drained(self.level, elapsed_s=elapsed_s, limit=self.limit, window_s=self.window_s)
            self.updated_s = now_s


class _Total:
    """`spent` is settled, `held` is reserved by requests in flight; micro-dollars."""

    __slots__ = ("held", "spent")

    def __init__(self, spent: int = 0) -> None:
        self.spent = spent
        self.held = 0


class MemoryCounters:
    """The in-process `Counters`. Atomic because nothing in a call waits: use it on one event loop only.

    Buckets that are empty and hold nothing are forgotten bit by bit, a few with every call, so that
    memory is bounded by the keys in use.
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
        self._forget_idle_buckets(now_s)
        levels: dict[LimitName, float] = {}
        for charge in charges:
            levels[charge.limit] = self._level(charge, now_s)
        refused = refusing(charges, levels)
        if refused is None:
            for charge in charges:
                self._add(charge, now_s)
                levels[charge.limit] += charge.amount
        return Taking(refused, levels)

    async def settle(
        self, charges: tuple[Charge, ...], *, tokens: int, cost_micro_usd: int, now_s: float
    ) -> None:
        """Let go of what the charges hold, and count what was used instead."""
        for charge in charges:
            if charge.unit == "micro_usd":
                total = self._total(charge.cell)
                total.held -= charge.amount
                total.spent += cost_micro_usd
            elif charge.unit == "tokens":
                bucket = self._bucket(charge, now_s)
                bucket.advance(now_s)
                bucket.held -= charge.amount
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

    def _level(self, charge: Charge, now_s: float) -> float:
        if charge.window_s is None:
            total = self._totals.get(charge.cell)
            return 0 if total is None else total.spent + total.held
        bucket = self._buckets.get(charge.cell)
        if bucket is None:
            return 0
        bucket.advance(now_s)
        return bucket.level + bucket.held

    def _add(self, charge: Charge, now_s: float) -> None:
        if charge.window_s is None:
            self._total(charge.cell).held += charge.amount
            return
        bucket = self._bucket(charge, now_s)
        # A limit may have changed since; from here on the bucket drains at the new pace.
        bucket.limit = charge.ceiling or 0
        if charge.unit == "tokens":
            bucket.held += charge.amount
        else:
            bucket.level += charge.amount

    def _total(self, cell: str) -> _Total:
        total = self._totals.get(cell)
        if total is None:
            total = self._totals[cell] = _Total()
        return total

    def _bucket(self, charge: Charge, now_s: float) -> _Bucket:
        bucket = self._buckets.get(charge.cell)
        if bucket is None:
            bucket = self._buckets[charge.cell] = _Bucket(charge, now_s)
            self._to_look_at.append(charge.cell)
        return bucket

    def _forget_idle_buckets(self, now_s: float) -> None:
        for _ in range(min(_LOOKED_AT_PER_TAKE, len(self._to_look_at))):
            cell = self._to_look_at.popleft()
            bucket = self._buckets[cell]
            bucket.advance(now_s)
            if bucket.held or bucket.level:
                self._to_look_at.append(cell)
            else:
                del self._buckets[cell]
