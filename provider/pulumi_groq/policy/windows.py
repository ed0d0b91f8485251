"""The windows of budgets: UTC hours, days, weeks from Monday, and calendar months."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, get_args

from pulumi_groq.models.budgets import Per

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
DAY_S: Final = 86_400

PERIODS: Final[tuple[Per, ...]] = get_args(Per)


class Window(NamedTuple):
    """One hour, day, week or month, from `from_s` until before `until_s` (Unix seconds). Its label is
    `2026-11-26T04`, `2026-11-26`, `2026-W48` or `2026-11`.
    """

    per: Per
    label: str
    from_s: int
    until_s: int

    def holds(self, unix_s: float) -> bool:
        """Whether that time is in it."""
        return self.from_s <= unix_s < self.until_s


def window_at(per: Per, unix_s: float) -> Window:
    """The window of this kind at a Unix time in seconds."""
    return _window_of_hour(per, int(unix_s // HOUR_S))


@lru_cache(maxsize=64)
def _window_of_hour(per: Per, hours_since_1970: int) -> Window:
    if per == "hour":
        start = datetime.fromtimestamp(hours_since_1970 * HOUR_S, UTC)
        return _window(per, f"{day_of(start)}T{start.hour:02d}", start, start + timedelta(hours=1))
    day = datetime.fromtimestamp(hours_since_1970 // 24 * DAY_S, UTC)
    if per == "day":
        return _window(per, day_of(day), day, day + timedelta(days=1))
    if per == "week":
        monday = day - timedelta(days=day.weekday())
        year, week, _ = monday.isocalendar()
        return _window(per, f"{year:04d}-W{week:02d}", monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return _window(per, month_of(first), first, (first + timedelta(days=31)).replace(day=1))


def _window(per: Per, label: str, start: datetime, end: datetime) -> Window:
    return Window(per, label, int(start.timestamp()), int(end.timestamp()))


def shared_time(windows: Iterable[Window]) -> tuple[int, int]:
    """From when until before when (Unix seconds) all of these windows, at least one, run."""
    starts, ends = zip(*((window.from_s, window.until_s) for window in windows), strict=True)
    return max(starts), min(ends)


def month_of(now: datetime) -> str:
    """The UTC month of `now` (aware, UTC) as `YYYY-MM`."""
    return f"{now.year:04d}-{now.month:02d}"


def day_of(now: datetime) -> str:
    """The UTC day of `now` (aware, UTC) as `YYYY-MM-DD`."""
    return f"{now.year:04d}-{now.month:02d}-{now.day:02d}"


def day_at(unix_s: float) -> str:
    """The UTC day (`YYYY-MM-DD`) at a Unix time in seconds."""
    return _nth_day(int(unix_s // DAY_S))


@lru_cache(maxsize=8)
def _nth_day(days_since_1970: int) -> str:
    return day_of(datetime.fromtimestamp(days_since_1970 * DAY_S, UTC))


def last_month(month: str) -> str:
    """The month (`YYYY-MM`) before `month`."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1:04d}-12" if number == 1 else f"{year:04d}-{number - 1:02d}"
