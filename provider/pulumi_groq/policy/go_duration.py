"""Durations as Go prints them, which is how Groq's rate-limit texts and headers state time."""

from typing import Final

_NS_PER_S: Final = 1_000_000_000
_NS_PER_MINUTE: Final = 60 * _NS_PER_S


def go_duration(seconds: float) -> str:
    """`seconds` (0 or more) as Go's `time.Duration` text: `1m26.4s`, `2m0s`, `547ms`, `0s`.

    The value is cut, not rounded, to whole nanoseconds, as in published answers (groq-api.md, 3).
    """
    nanoseconds = int(seconds * _NS_PER_S)
    # Below a minute all digits of a quotient are exact: a float has 15 of them.
    if nanoseconds < 1_000:
        return f"{nanoseconds}ns" if nanoseconds else "0s"
    if nanoseconds < 1_000_000:
        return _short(f"{nanoseconds / 1_000:.3f}") + "\N{MICRO SIGN}s"
    if nanoseconds < _NS_PER_S:
        return _short(f"{nanoseconds / 1_000_000:.6f}") + "ms"
    minutes, rest = divmod(nanoseconds, _NS_PER_MINUTE)
    text = _short(f"{rest / _NS_PER_S:.9f}") + "s"
    if not minutes:
        return text
    return f"{minutes}m{text}" if minutes < 60 else f"{minutes // 60}h{minutes % 60}m{text}"


def _short(decimal: str) -> str:
    return decimal.rstrip("0").rstrip(".")
