"""Where a month's spending leads: a straight line through the start of the month and now."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

LEAST_ELAPSED: Final = timedelta(hours=1)
"""Before that, a line through two points says nothing."""

_MICROSECOND: Final = timedelta(microseconds=1)

METHOD: Final = (
    "linear: the month's spending so far, over the time elapsed, up to the month's last second (UTC)"
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Spending of a running month, in micro-dollars.

    `projected_micro_usd` is what the whole month will cost; `None` in its first hour.
    `reaches_ceiling_at` is when the ceiling is reached at this pace: `None` when it is not reached
    this month, or there is none; not after now when it has been reached already.
    """

    spent_micro_usd: int
    ceiling_micro_usd: int | None
    projected_micro_usd: int | None
    reaches_ceiling_at: datetime | None
    as_of: datetime

    @property
    def is_reached(self) -> bool:
        """Whether the ceiling has been reached already."""
        return self.ceiling_micro_usd is not None and self.spent_micro_usd >= self.ceiling_micro_usd

    @property
    def days_to_ceiling(self) -> float | None:
        """Days until the ceiling is reached, 0 when it has been; `None` when it is not reached this month."""
        if self.reaches_ceiling_at is None:
            return None
        return max((self.reaches_ceiling_at - self.as_of) / timedelta(days=1), 0.0)

    @property
    def share(self) -> float | None:
        """The part of the ceiling that is spent; 1 is all of it."""
        if not self.ceiling_micro_usd:
            return None
        return self.spent_micro_usd / self.ceiling_micro_usd


def month_start(month: str) -> datetime:
    """The first moment of the UTC month `YYYY-MM`."""
    return datetime(int(month[:4]), int(month[5:7]), 1, tzinfo=UTC)


def month_end(month: str) -> datetime:
    """The first moment after the UTC month `YYYY-MM`."""
    start = month_start(month)
    return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


def last_day(month: str) -> date:
    """The last day of the UTC month `YYYY-MM`."""
    return (month_end(month) - timedelta(days=1)).date()


def pace(spent_micro_usd: int, ceiling_micro_usd: int | None, as_of: datetime) -> Pace:
    """The pace of the UTC month of `as_of`."""
    month = f"{as_of:%Y-%m}"
    start, end = month_start(month), month_end(month)
    # Whole microseconds and micro-dollars: a straight line to a large cap leaves the range of dates.
    elapsed, whole = (as_of - start) // _MICROSECOND, (end - start) // _MICROSECOND
    projected, reaches_at = None, None
    if as_of - start >= LEAST_ELAPSED:
        projected = _rounded(spent_micro_usd * whole, elapsed)
        if ceiling_micro_usd is not None and spent_micro_usd:
            reached = elapsed * ceiling_micro_usd // spent_micro_usd
            reaches_at = start + reached * _MICROSECOND if reached < whole else None
    if ceiling_micro_usd is not None and spent_micro_usd >= ceiling_micro_usd:
        reaches_at = min(reaches_at or as_of, as_of)
    return Pace(spent_micro_usd, ceiling_micro_usd, projected, reaches_at, as_of)


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
