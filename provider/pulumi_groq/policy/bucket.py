"""The arithmetic of a leaky bucket that drains all the time, as Groq's limits do (groq-api.md, section 3).

A bucket of `limit` units a `window_s` drains at `limit / window_s` units a second. What is in it is a
real number; whoever decides or prints uses whole units, rounded up, so that the printed wait always
follows from the printed numbers.
"""

import math
from typing import Final

DRIFT: Final = 1e-6
"""How far off sums of binary fractions may be, in units; far below the one unit that decides. A level and
whole units fit a limit exactly where level + units <= limit + DRIFT: that is used(level) + units <= limit.
"""


class Bucket:
    """What is in it (`level`) as of `updated_s` drains; `held` does not, until it is let go."""

    __slots__ = ("__weakref__", "held", "level", "limit", "updated_s", "window_s")

    def __init__(self, limit: int, window_s: int, now_s: float) -> None:
        self.level = 0.0
        self.held = 0
        self.updated_s = now_s
        self.limit = limit
        self.window_s = window_s

    def drain(self, now_s: float) -> None:
        """Drain until `now_s`; a clock that went back drains nothing."""
        elapsed_s = now_s - self.updated_s
        if elapsed_s > 0:
            left = self.level - elapsed_s * self.limit / self.window_s
            self.level = left if left > 0 else 0.0
            self.updated_s = now_s


def used(level: float) -> int:
    """`level` in whole units, rounded up."""
    return math.ceil(level - DRIFT)


def wait_s(*, used: int, requested: int, limit: int, window_s: int) -> float:
    """Seconds until `requested` (at most `limit`) fit: (U + R - L) / L * window."""
    return (used + requested - limit) / limit * window_s


def reset_s(*, used: int, limit: int, window_s: int) -> float:
    """Seconds until the bucket is empty of what is in it: used / limit * window."""
    return used * window_s / limit
