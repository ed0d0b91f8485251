"""The system's time, read here only, a clock over it that tests may set, and ids that sort by time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import repeat, starmap
from operator import floordiv, truediv
from random import Random
from typing import Final, Literal

from pulumi_groq.gateway.protocols import Clock


class SystemClock:
    """The machine's clock, in UTC, in whole microseconds: the journal, the store and the wire keep no more,
    so a finer time would be another one after a restart, at midnight even on another day.

    `time_ns` gives Unix nanoseconds. `now_s` gives the present in Unix seconds.
    """

    def __init__(self, time_ns: Callable[[], int] = time.time_ns) -> None:
        microseconds = map(floordiv, starmap(time_ns, repeat(())), repeat(1000))
        # The next of an endless iterator, because that enters no Python: each request asks seven times.
        self.now_s: Callable[[], float] = map(truediv, microseconds, repeat(1_000_000)).__next__

    def now(self) -> datetime:
        """The present."""
        return datetime.fromtimestamp(self.now_s(), UTC)


class MovableClock(Clock):
    """Runs at the pace of the clock below, from whatever time it was set to."""

    def __init__(self, below: Clock) -> None:
        self._below = below
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The present as it was set."""
        return self._below.now() + self._ahead

    def set(self, now: datetime) -> None:
        """Make `now` the present."""
        self._ahead = now - self._below.now()


_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
_OF_A_BYTE: Final = _CROCKFORD.encode() * 8
_RANDOM_CHARACTERS: Final = 15


class ObjectIds:
    """Makes ids: 45 bits of Unix milliseconds (until the year 3084), then 75 random bits.

    They identify things and grant nothing, so `random` need not be the system's. For any thread.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._drawn: list[str] = []

    def new(self, prefix: Literal["key", "adm", "req", "wid"]) -> str:
        """A new id such as `key_01` + 24 characters."""
        ms = int(self._clock.now_s() * 1000)
        high = _PAIRS[ms >> 35 & 1023] + _PAIRS[ms >> 25 & 1023]
        low = _PAIRS[ms >> 15 & 1023] + _PAIRS[ms >> 5 & 1023] + _CROCKFORD[ms & 31]
        try:
            drawn = self._drawn.pop()
        except IndexError:
            drawn = self._draw()
        return f"{prefix}_01{high}{low}{drawn}"

    def _draw(self) -> str:
        """Characters for one id; those for the next are kept, as to draw costs more than all else."""
        many = self._random.randbytes(64 * _RANDOM_CHARACTERS).translate(_OF_A_BYTE).decode()
        self._drawn += [
            many[at : at + _RANDOM_CHARACTERS]
            for at in range(_RANDOM_CHARACTERS, len(many), _RANDOM_CHARACTERS)
        ]
        return many[:_RANDOM_CHARACTERS]
