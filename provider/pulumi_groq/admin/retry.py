"""When a failed attempt is tried again, after how long, and how one wait holds all parallel calls."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

AWAY_STATUSES: Final = frozenset({502, 503, 504})
"""What a proxy says for a server that is away, and a server that is about to be."""

RETRIED_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})

_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter.

    The wait before retry n (from 0) is drawn evenly from 0 to min(`cap_s`, `base_s` * 2^n) seconds,
    so that callers that failed together do not come back together. `most_attempts` bounds the
    attempts that fail without the server saying when to come back; where a run that has begun meets a
    server that is away, which may be restarting, they go on for `away_s`.
    """

    base_s: float = 0.25
    cap_s: float = 8.0
    most_attempts: int = 7
    away_s: float = 30.0

    def delay_s(self, retry: int, fraction: float) -> float:
        """The wait before `retry`; `fraction` is a random number from 0 to 1."""
        doublings = min(retry, 30)  # beyond any cap, and far from overflow
        return fraction * min(self.cap_s, self.base_s * 2.0**doublings)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """How many seconds the server asks to wait, or None; `headers` ignores case, `now` is aware.

    Reads `retry-after-ms`, then `retry-after` in seconds (fractions allowed) or as an HTTP date
    (RFC 9110, 10.2.3). A date counts from the answer's own `date`, so that a wrong clock here does no harm.
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _DECIMAL.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    seconds = headers.get("retry-after", "").strip()
    if _DECIMAL.fullmatch(seconds):
        return float(seconds)
    until = _http_date(seconds)
    if until is None:
        return None
    since = _http_date(headers.get("date", "")) or now
    return max(0.0, (until - since).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class Cooldown:
    """The time until which nobody calls the server. Thread-safe; times are of `clock`, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = clock()

    def hold(self, duration_s: float) -> None:
        """Let nobody call for `duration_s` from now; a longer pause that is already under way stands."""
        with self._lock:
            self._until = max(self._until, self._clock() + duration_s)

    def remaining_s(self) -> float:
        """How long the pause still lasts; 0 when there is none."""
        with self._lock:
            return max(0.0, self._until - self._clock())
