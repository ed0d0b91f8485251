"""Ids that sort by time: a prefix, `_01`, then 24 lower-case Crockford base32 characters (as Groq's do)."""

from random import Random
from typing import Final, Literal

from pulumi_groq.gateway.protocols import Clock

_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS: Final = 24
_PAIRS: Final = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
_SHIFTS: Final = tuple(range(5 * (_CHARACTERS - 2), -1, -10))
_TIME_BITS: Final = 45
_RANDOM_BITS: Final = 5 * _CHARACTERS - _TIME_BITS


class ObjectIds:
    """Makes ids: 45 bits of Unix milliseconds (until the year 3084), then 75 random bits."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random

    def new(self, prefix: Literal["key", "req"]) -> str:
        """A new id such as `key_01` + 24 characters."""
        unix_ms = int(self._clock.now().timestamp() * 1000) % (1 << _TIME_BITS)
        number = unix_ms << _RANDOM_BITS | self._random.getrandbits(_RANDOM_BITS)
        return f"{prefix}_01{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"
