"""Whose places of running requests a shared back end is to be told again, and when."""

from collections import OrderedDict
from collections.abc import Sequence
from math import inf
from typing import Final, Generic, TypeVar

RENEWED_AFTER_S: Final = 10.0
"""Twice within the time for which `rates.lua` counts a request as running."""
MOST_AT_ONCE: Final = 500
"""Sets in one round, so that it never takes long."""

_Set = TypeVar("_Set")


class Renewals(Generic[_Set]):
    """The counter sets with running requests, those that were told the longest ago first. Times are seconds
    of any clock; one that is set back renews.
    """

    def __init__(self) -> None:
        self._told_s: OrderedDict[_Set, float] = OrderedDict()

    def runs(self, counter_set: _Set, now_s: float) -> None:
        """A request of the set has its place since now."""
        self._told_s.setdefault(counter_set, now_s)

    def untold(self, counter_set: _Set) -> None:
        """A request of the set runs that the back end may not know of."""
        self._told_s[counter_set] = -inf
        self._told_s.move_to_end(counter_set, last=False)

    def all_untold(self) -> None:
        """The back end may have lost everything."""
        for counter_set in self._told_s:
            self._told_s[counter_set] = -inf

    def over(self, counter_set: _Set) -> None:
        """No request of the set runs."""
        self._told_s.pop(counter_set, None)

    def due(self, now_s: float) -> Sequence[_Set]:
        """Those to be told now, which counts as done."""
        due: list[_Set] = []
        for counter_set, told_s in self._told_s.items():
            if abs(now_s - told_s) < RENEWED_AFTER_S or len(due) == MOST_AT_ONCE:
                break
            due.append(counter_set)
        for counter_set in due:
            self._told_s[counter_set] = now_s
            self._told_s.move_to_end(counter_set)
        return due
