"""Durations as Go prints them, which is how Groq's rate-limit texts and headers state time."""

from typing import Final

_NS_PER_S: Final = 1_000_000_000
_NS_PER_MINUTE: Final = 60 * _NS_PER_S
_NS_PER_HOUR: Final = 60 * _NS_PER_MINUTE
_SMALL_UNITS: Final = ((1_000_000, 6, "ms"), (1_000, 3, "\N{MICRO SIGN}s"), (1, 0, "ns"))


def go_duration(seconds: float) -> str:
    """`seconds` (0 or more) as Go's `time.Duration` text: `1m26.4s`, `2m0s`, `547ms`, `0s`.

    The value is cut, not rounded, to whole nanoseconds, as in published answers (groq-api.md, 3).
    """
    nanoseconds = int(seconds * _NS_PER_S)
    if nanoseconds < _NS_PER_S:
        return _below_one_second(nanoseconds)
    hours, rest = divmod(nanoseconds, _NS_PER_HOUR)
    minutes, rest = divmod(rest, _NS_PER_MINUTE)
    text = _decimal(rest, _NS_PER_S, 9) + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _below_one_second(nanoseconds: int) -> str:
    for unit_ns, places, suffix in _SMALL_UNITS:
        if nanoseconds >= unit_ns:
            return _decimal(nanoseconds, unit_ns, places) + suffix
    return "0s"


def _decimal(nanoseconds: int, unit_ns: int, places: int) -> str:
    whole, rest = divmod(nanoseconds, unit_ns)
    if not rest:
        return str(whole)
    return f"{whole}.{rest:0{places}d}".rstrip("0")
