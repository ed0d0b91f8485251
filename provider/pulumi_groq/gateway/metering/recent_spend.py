"""What watched lineages spent in the last ten minutes, as their requests are settled."""

from typing import Final

from pulumi_groq.policy.limits import CLOCK_STEP_S

GRAIN_S: Final = 10
"""Spend leaves the ten minutes in steps of so many seconds."""
GRAINS: Final = 60
_CLOCK_STEP_GRAINS: Final = int(CLOCK_STEP_S) // GRAIN_S


class RecentSpend:
    """Sums by lineage. They are kept by the event loop; `spent` may be asked by any thread."""

    def __init__(self) -> None:
        self._by_lineage: dict[str, dict[int, int]] = {}
        self.watched: Final = self._by_lineage.keys()
        """The lineages that are counted."""
        self.touched: set[str] = set()
        """Lineages that have spent something; whoever looks at one takes it out."""

    def watch(self, lineage_id: str) -> None:
        """Count what the lineage spends from now on."""
        if self._by_lineage.setdefault(lineage_id, {}):
            self.touched.add(lineage_id)

    def forget(self, lineage_id: str) -> None:
        """Count no more of the lineage, nor what it has spent."""
        self._by_lineage.pop(lineage_id, None)

    def add(self, lineage_id: str, at_s: float, cost_micro_usd: int) -> None:
        """The lineage spent something at this time (Unix seconds)."""
        by_grain = self._by_lineage.setdefault(lineage_id, {})
        grain = int(at_s) // GRAIN_S
        if grain not in by_grain:
            for old in [each for each in by_grain if each <= grain - GRAINS]:
                del by_grain[old]
        by_grain[grain] = by_grain.get(grain, 0) + cost_micro_usd
        self.touched.add(lineage_id)

    def spent(self, lineage_id: str, now_s: float) -> int:
        """What it spent in the last ten minutes, in micro-dollars."""
        now = int(now_s) // GRAIN_S
        last = range(now - GRAINS + 1, now + _CLOCK_STEP_GRAINS)  # else it is of a clock that was set back
        by_grain = self._by_lineage.get(lineage_id, {}).copy()
        return sum(cost for grain, cost in by_grain.items() if grain in last)
