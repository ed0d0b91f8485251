"""What is spent, by when its requests were admitted and whose they were: kept as requests are settled, so
that a budget that is set in mid-window knows what the window has cost already.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from pulumi_groq.gateway.metering.journal import LedgerRow
from pulumi_groq.policy.limits import Quota, Scope
from pulumi_groq.policy.windows import DAY_S, HOUR_S, PERIODS, window_at

KEPT_BY_HOUR_S: Final = DAY_S + HOUR_S
"""Hours that lie further back are added up: no day that a request may be admitted in begins before."""


class Spend(NamedTuple):
    """What some requests cost that were admitted from `at_s` (Unix seconds) on, in one stretch of time."""

    lineage_id: str
    team: str | None
    model: str
    at_s: float
    cost_micro_usd: int


class _Sums:
    """Of a stretch of time: all, by team, and by lineage and model."""

    __slots__ = ("all", "by_lineage", "by_team")

    def __init__(self) -> None:
        self.all = 0
        self.by_team: dict[str, int] = {}
        self.by_lineage: dict[str, dict[str, int]] = {}

    def add(self, spend: Spend) -> None:
        lineage_id, team, model, _, cost_micro_usd = spend
        self.all += cost_micro_usd
        if team is not None:
            self.by_team[team] = self.by_team.get(team, 0) + cost_micro_usd
        by_model = self.by_lineage.get(lineage_id)
        if by_model is None:
            by_model = self.by_lineage[lineage_id] = {}
        by_model[model] = by_model.get(model, 0) + cost_micro_usd

    def of(self, scope: Scope) -> int:
        if scope.team is not None:
            return self.by_team.get(scope.team, 0)
        if scope.lineage_id is None:
            return self.all
        by_model = self.by_lineage.get(scope.lineage_id, {})
        return sum(by_model.values()) if scope.model is None else by_model.get(scope.model, 0)

    def take_in(self, other: "_Sums") -> None:
        self.all += other.all
        for team, cost in other.by_team.items():
            self.by_team[team] = self.by_team.get(team, 0) + cost
        for lineage_id, by_model in other.by_lineage.items():
            mine = self.by_lineage.setdefault(lineage_id, {})
            for model, cost in by_model.items():
                mine[model] = mine.get(model, 0) + cost


class SettledSpend:
    """Sums by hour for the last day, before that by the days that a week and a month have in common. Belongs
    to the event loop. What is over waits until it is asked for, or `sum_up` is called now and then: this is
    on the path of every request.
    """

    def __init__(self) -> None:
        self._by_start: dict[int, _Sums] = {}
        self._hour = window_at("hour", 0)
        self.waiting: list[LedgerRow] = []
        """Requests that are over, to be added up."""

    def load(self, spends: Iterable[Spend], now_s: float) -> None:
        """Add what the store has, at a start at `now_s` (Unix seconds)."""
        self._turn(now_s)
        for spend in spends:
            self._add(spend)

    def correct(self, spend: Spend) -> None:
        """A request costs so much more, or less, than was added."""
        self.sum_up()
        self._add(spend)

    def sum_up(self) -> None:
        """Add up what waits."""
        waiting, self.waiting = self.waiting, []
        for row in waiting:
            _, _, lineage_id, team, model, _, started_s = row.admission
            self._add(Spend(lineage_id, team, model, started_s, row.settlement.cost_micro_usd))

    def of(self, quota: Quota) -> int:
        """What counts against a quota of money already, in micro-dollars."""
        window, scope = quota.window, quota.scope
        if window is None:
            raise ValueError(f"{quota.counter_key} is of no window")
        self.sum_up()
        return sum(sums.of(scope) for start, sums in self._by_start.items() if window.holds(start))

    def _add(self, spend: Spend) -> None:
        if spend.at_s >= self._hour.until_s:
            self._turn(spend.at_s)
        start = self._start_of(spend.at_s)
        sums = self._by_start.get(start)
        if sums is None:
            sums = self._by_start[start] = _Sums()
        sums.add(spend)

    def _start_of(self, at_s: float) -> int:
        if self._hour.from_s <= at_s < self._hour.until_s:
            return self._hour.from_s
        if at_s >= self._hour.from_s - KEPT_BY_HOUR_S:
            return window_at("hour", at_s).from_s
        return max(window_at("week", at_s).from_s, window_at("month", at_s).from_s)

    def _turn(self, now_s: float) -> None:
        """A new hour: what is too old for hours is added up, what no window reaches any more is dropped."""
        self._hour = window_at("hour", now_s)
        oldest = _oldest_in_use(now_s)
        former, self._by_start = self._by_start, {}
        for start, sums in former.items():
            if start >= oldest:
                self._by_start.setdefault(self._start_of(start), _Sums()).take_in(sums)


def _oldest_in_use(now_s: float) -> int:
    """The beginning of the oldest window that a request may still be admitted in, also by a clock that goes
    back by an hour.
    """
    return min(window_at(per, now_s - HOUR_S).from_s for per in PERIODS)
