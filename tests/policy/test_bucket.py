"""The leaky bucket: Groq's published numbers, and its promise over any window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.policy.limits import Bucket, go_duration, reset_s, used, wait_s


@pytest.mark.parametrize(
    ("limit", "in_bucket", "requested", "window_s", "printed"),
    [
        (8000, 7197, 2699, 60, "14.219999999s"),
        (200_000, 200_000, 1187, 86_400, "8m32.784s"),
        (30, 30, 1, 60, "2s"),
    ],
)
def test_the_wait_is_groqs_to_the_printed_digit(
    limit: int, in_bucket: int, requested: int, window_s: int, printed: str
) -> None:
    """The rows of groq-api.md: TPM, TPD and RPM."""
    wait = wait_s(used=in_bucket, requested=requested, limit=limit, window_s=window_s)

    assert go_duration(wait) == printed


@pytest.mark.parametrize(("taken", "printed"), [(1, "1m26.4s"), (2, "2m52.8s")])
def test_the_reset_is_groqs_to_the_printed_digit(taken: int, printed: str) -> None:
    """The reset header after one and two of 1000 requests a day."""
    assert go_duration(reset_s(used=taken, limit=1000, window_s=86_400)) == printed


def drained(level: float, *, elapsed_s: float, limit: int, window_s: int) -> float:
    bucket = Bucket(limit, window_s, now_s=100.0)
    bucket.level = level
    bucket.drain(100.0 + elapsed_s)
    return bucket.level


def test_a_clock_that_goes_back_drains_nothing() -> None:
    """A negative elapsed time neither drains nor fills."""
    assert drained(5.0, elapsed_s=-10, limit=60, window_s=60) == 5.0


@pytest.mark.parametrize(("back_s", "left"), [(59.0, 5.0), (7200.0, 3.0)])
def test_a_clock_that_was_set_back_does_not_stop_a_bucket(back_s: float, left: float) -> None:
    """Two seconds later it has drained for two; a call that waited makes nothing drain twice."""
    bucket = Bucket(60, 60, now_s=10_000.0)
    bucket.level = 5.0
    for now_s in (10_000.0 - back_s, 10_002.0 - back_s):
        bucket.drain(now_s)
    assert bucket.level == left


def test_a_bucket_never_holds_less_than_nothing() -> None:
    """Idle time is not saved up."""
    assert drained(5.0, elapsed_s=1e9, limit=60, window_s=60) == 0.0


@given(
    limit=st.integers(1, 10**6),
    fill=st.floats(0, 1),
    share=st.floats(0, 1),
    window_s=st.sampled_from([60, 86_400]),
)
def test_waiting_the_printed_time_is_enough(limit: int, fill: float, share: float, window_s: int) -> None:
    """Whoever waits as told finds room, when nobody else asks."""
    level = limit * fill
    requested = max(1, round(limit * share))
    wait = max(0.0, wait_s(used=used(level), requested=requested, limit=limit, window_s=window_s))

    assert used(drained(level, elapsed_s=wait, limit=limit, window_s=window_s)) + requested <= limit


@given(
    limit=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.floats(0, 100), st.integers(1, 1000)), max_size=60),
)
def test_no_window_passes_more_than_burst_and_refill(limit: int, steps: list[tuple[float, int]]) -> None:
    """Over any span of time at most one full bucket, plus what drained meanwhile, gets through."""
    level, now_s = 0.0, 0.0
    passed: list[tuple[float, int]] = []
    for gap_s, amount in steps:
        now_s += gap_s
        level = drained(level, elapsed_s=gap_s, limit=limit, window_s=60)
        if used(level) + amount <= limit:
            level += amount
            passed.append((now_s, amount))
    for start, (first_s, _) in enumerate(passed):
        total = 0
        for at_s, amount in passed[start:]:
            total += amount
            assert total <= limit * (1 + (at_s - first_s) / 60) + 1e-3
