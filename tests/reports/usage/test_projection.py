"""Where a month leads: tables over months, leap years and their edges."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.reports.usage.projection import last_day, month_end, month_start, pace

USD = 1_000_000


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "days", "following"),
    [
        ("2026-11", 30, "2026-12-01"),
        ("2026-12", 31, "2027-01-01"),
        ("2027-01", 31, "2027-02-01"),
        ("2027-02", 28, "2027-03-01"),
        ("2028-02", 29, "2028-03-01"),
        ("2100-02", 28, "2100-03-01"),
        ("2000-02", 29, "2000-03-01"),
    ],
)
def test_months_are_as_long_as_the_calendar_says(month: str, days: int, following: str) -> None:
    """December leads into the next year; leap years have a 29 February, full centuries only by four."""
    assert (month_end(month) - month_start(month)).days == days
    assert (month_end(month).date().isoformat(), last_day(month).day) == (following, days)


@pytest.mark.parametrize(
    ("as_of", "spent", "projected"),
    [
        (utc(2026, 11, 16), 15 * USD, 30 * USD),  # half of 30 days
        (utc(2026, 12, 16, 12), 15 * USD, 30 * USD),  # half of 31 days
        (utc(2027, 2, 15), 14 * USD, 28 * USD),  # half of 28 days
        (utc(2028, 2, 15, 12), 14 * USD, 28 * USD),  # half of 29 days
        (utc(2026, 11, 30, 23, 59, 59), 100 * USD, 100_000_039),  # in its last second
        (utc(2026, 11, 1, 1), USD, 720 * USD),  # after the first hour
        (utc(2026, 11, 1, 0, 59, 59), USD, None),  # too early to say
        (utc(2026, 12, 1), 0, None),  # the first moment
        (utc(2026, 11, 16), 0, 0),
        (utc(2026, 11, 16), 1, 2),
    ],
)
def test_the_projection_is_linear(as_of: datetime, spent: int, projected: int | None) -> None:
    """What was spent, over the time elapsed, for the whole of the month."""
    assert pace(spent, None, as_of).projected_micro_usd == projected


@pytest.mark.parametrize(
    ("as_of", "spent", "ceiling", "days"),
    [
        (utc(2026, 11, 11), 5 * USD, 10 * USD, 10.0),  # half is gone in ten days
        (utc(2026, 11, 11), 5 * USD, 15 * USD, None),  # the month ends at that very moment
        (utc(2026, 11, 11), 5 * USD, USD * 10**9, None),  # in some million years
        (utc(2026, 11, 11), 5 * USD, 5 * USD, 0.0),  # reached
        (utc(2026, 11, 11), 6 * USD, 5 * USD, 0.0),  # passed
        (utc(2026, 11, 1, 0, 30), 6 * USD, 5 * USD, 0.0),  # passed within the first hour
        (utc(2026, 11, 11), 0, 5 * USD, None),  # nothing is spent
        (utc(2026, 11, 11), 5 * USD, None, None),  # no ceiling
        (utc(2028, 2, 15), 14 * USD, 28 * USD, 14.0),  # a leap February still has that day
        (utc(2027, 2, 15), 14 * USD, 29 * USD, None),  # another has not
    ],
)
def test_days_to_the_ceiling(as_of: datetime, spent: int, ceiling: int | None, days: float | None) -> None:
    """At this pace; nothing where the month ends before."""
    assert pace(spent, ceiling, as_of).days_to_ceiling == days


moments = st.integers(0, 32_503_680_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(moments, st.integers(0, 10**15), st.integers(1, 10**15))
def test_pace_holds_together(as_of: datetime, spent: int, ceiling: int) -> None:
    """Projections are never below what is spent; a ceiling is reached now, later in the month, or not."""
    found = pace(spent, ceiling, as_of)
    if found.projected_micro_usd is not None:
        assert found.projected_micro_usd >= spent
    if found.reaches_ceiling_at is None:
        assert spent < ceiling
    elif spent < ceiling:
        assert as_of <= found.reaches_ceiling_at < month_end(f"{as_of:%Y-%m}")
    else:
        assert found.days_to_ceiling == 0
