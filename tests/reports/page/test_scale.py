"""Axes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.reports.page.charts import scale_for, short_number


@given(st.floats(1e-9, 1e15))
def test_a_scale_holds_its_largest_value(largest: float) -> None:
    """Ticks ascend evenly from 0 to the top, and there are few of them."""
    scale = scale_for(largest)
    assert scale.ticks[0] == 0
    assert scale.ticks[-1] == scale.top >= largest * 0.9999
    assert 2 <= len(scale.ticks) <= 6
    steps = [after - before for before, after in pairwise(scale.ticks)]
    assert max(steps) <= min(steps) * 1.0001
    assert scale.part(largest) <= 1.0001


@pytest.mark.parametrize("largest", [0, -1, float("nan"), float("inf")])
def test_a_scale_of_nothing_is_one(largest: float) -> None:
    """There is an axis even when there is nothing to show."""
    assert scale_for(largest).ticks == (0.0, 1.0)


def test_counts_have_whole_steps() -> None:
    """Half a refused request does not exist."""
    assert scale_for(1, least_step=1).ticks == (0, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (950, "950"), (1_500, "1.5k"), (2e6, "2M"), (3.25e9, "3.25B")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    """An axis has little room."""
    assert short_number(value) == text
