"""Every test on the machine's clock runs within one day."""

import pytest

import one_day


@pytest.mark.parametrize(
    ("time_of_day_s", "waits_s"),
    [(0, 0), (43_200, 0), (86_400 - 150, 0), (86_400 - 149, 150), (86_400 - 0.5, 1.5)],
)
def test_none_begins_shortly_before_midnight(time_of_day_s: float, waits_s: float) -> None:
    """It waits for the next day to begin."""
    today_s = 20_783 * one_day.DAY_S
    assert one_day.wait_s(today_s + time_of_day_s) == pytest.approx(waits_s)
