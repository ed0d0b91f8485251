"""The system's clock, to what the store keeps of a time."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from pulumi_groq.gateway.clock import SystemClock

_2020_NS, _2055_NS = 1_577_836_800 * 10**9, 2_682_374_400 * 10**9
JUST_BEFORE_MIDNIGHT_NS = 1_795_737_600 * 10**9 - 400
HALF_A_MICROSECOND_NS = 1_795_688_903_391_278_500


@given(st.integers(_2020_NS, _2055_NS))
@example(JUST_BEFORE_MIDNIGHT_NS)
@example(HALF_A_MICROSECOND_NS)
def test_a_time_comes_back_from_the_store_as_it_was(time_ns: int) -> None:
    """As whole microseconds from the journal and the ledger, and as the wire's date."""
    clock = SystemClock(lambda: time_ns)
    kept_us = round(clock.now_s() * 1_000_000)
    assert kept_us / 1_000_000 == clock.now_s()
    assert datetime.fromtimestamp(kept_us / 1_000_000, UTC) == clock.now()


def test_the_last_moment_of_a_day_stays_in_it() -> None:
    """Its request is booked on that day, before and after a restart."""
    last = SystemClock(lambda: JUST_BEFORE_MIDNIGHT_NS).now()
    assert last.isoformat() == "2026-11-26T23:59:59.999999+00:00"
