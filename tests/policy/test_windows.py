"""The windows of budgets: where each begins and ends."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.models.budgets import Per
from pulumi_groq.policy.windows import PERIODS, window_at

TIMES = st.integers(min_value=0, max_value=4_000_000_000)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("per", "label", "start", "end"),
    [
        ("hour", "2026-11-26T04", "2026-11-26T04:00", "2026-11-26T05:00"),
        ("hour", "2026-12-31T23", "2026-12-31T23:00", "2027-01-01T00:00"),
        ("day", "2026-11-26", "2026-11-26", "2026-11-27"),
        ("day", "2024-02-29", "2024-02-29", "2024-03-01"),
        ("week", "2026-W48", "2026-11-23", "2026-11-30"),
        ("week", "2026-W53", "2026-12-28", "2027-01-04"),
        ("week", "2025-W01", "2024-12-30", "2025-01-06"),
        ("month", "2026-11", "2026-11-01", "2026-12-01"),
        ("month", "2026-12", "2026-12-01", "2027-01-01"),
        ("month", "2024-02", "2024-02-01", "2024-03-01"),
    ],
)
def test_a_window_lasts_from_its_first_second_until_its_end(
    per: Per, label: str, start: str, end: str
) -> None:
    """UTC; weeks begin on Monday and are numbered as ISO 8601 does, by the year of their Thursday."""
    for second in (at(start), at(end) - 1):
        window = window_at(per, second)
        assert (window.label, window.from_s, window.until_s) == (label, at(start), at(end))
    assert window_at(per, at(end)).label != label
    assert window_at(per, at(start) - 1).label != label


@given(per=st.sampled_from(PERIODS), unix_s=TIMES)
def test_windows_of_a_kind_follow_on_one_another(per: Per, unix_s: int) -> None:
    """Every second is in exactly one of them."""
    window = window_at(per, unix_s)
    assert window.holds(unix_s)
    assert window_at(per, window.until_s).from_s == window.until_s
    assert window_at(per, window.from_s - 1).until_s == window.from_s


@given(unix_s=TIMES)
def test_a_shorter_window_lies_within_a_day_and_a_day_within_all_longer_ones(unix_s: int) -> None:
    """So that hours add up to days, and days to weeks and to months."""
    hour, day, week, month = (window_at(per, unix_s) for per in PERIODS)
    for inner, outer in ((hour, day), (day, week), (day, month)):
        assert outer.from_s <= inner.from_s < inner.until_s <= outer.until_s
