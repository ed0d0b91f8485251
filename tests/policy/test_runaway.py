"""What a runaway is, and what is usual for a key."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.policy.runaway import (
    DAYS,
    LEAST_MICRO_USD,
    SLOT_S,
    SLOTS_A_DAY,
    RunawayLimit,
    floor_micro_usd,
    judge,
    slot_at,
    slots_of_this_hour,
    usual_micro_usd,
)

NOW = datetime(2026, 11, 26, 9, 35, tzinfo=UTC)
LONG_AGO = 0


def slot(days_ago: int, hour: int = 9, minute: int = 0) -> int:
    at = NOW.replace(hour=hour, minute=minute) - timedelta(days=days_ago)
    return slot_at(at.timestamp())


def usual(by_slot: dict[int, int], first_slot: int | None = LONG_AGO) -> int | None:
    return usual_micro_usd(by_slot, first_slot, NOW.timestamp())


def limit(amount: int | None = None, times: int | None = None) -> RunawayLimit:
    return RunawayLimit(amount, times, "pause_key", None)


def test_the_usual_is_the_mean_of_each_days_busiest_ten_minutes_at_this_hour() -> None:
    """Other hours do not matter while the key spends at this one."""
    spent = {
        slot(1, 9, 10): 100,
        slot(1, 9, 50): 300,
        slot(2, 9): 500,
        slot(1, 8, 50): 9_000,
        slot(3, 10): 9_000,
    }

    assert usual(spent) == 400


def test_days_on_which_the_key_rests_are_not_counted() -> None:
    """Work of once a week is usual on its day."""
    assert usual({slot(7): 700, slot(14): 700}) == 700


def test_what_is_spent_today_is_not_usual() -> None:
    """A loop that only alerts must not make itself usual, hour by hour."""
    assert usual({slot(1): 100, slot(0): 90_000, slot(0, 8): 90_000}) == 100


def test_at_an_hour_without_any_spend_all_hours_count() -> None:
    """A multiple of nothing would pause the key for its first request of a night."""
    assert usual({slot(2, 14): 200, slot(3, 15): 400, slot(0, 8): 90_000}) == 300


def test_what_is_older_than_14_days_is_no_history() -> None:
    """The usual follows the key."""
    assert usual({slot(15): 100}) == 100, "the store gives no such slot; if it did, it would be another hour"
    assert set(slots_of_this_hour(NOW.timestamp())) == {
        slot(day, 9, minute) for day in range(1, DAYS + 1) for minute in range(0, 60, 10)
    }


def test_in_the_first_three_days_nothing_is_usual() -> None:
    """Of a younger key too little is known; one that never spent has no history either."""
    three_days = slot_at(NOW.timestamp()) - 3 * SLOTS_A_DAY
    spent = {slot(1): 100}

    assert usual(spent, three_days + 1) is None
    assert usual(spent, three_days) == 100
    assert usual({}, None) is None


def test_an_amount_is_exceeded_by_a_micro_dollar() -> None:
    """Not reached: what may be spent may be spent."""
    assert judge(limit(amount=500), 500, None) is None
    found = judge(limit(amount=500), 501, None)
    assert found is not None
    assert found.allowed_micro_usd == 500


def test_without_history_only_the_amount_holds() -> None:
    """An unknown usual pauses nobody."""
    assert judge(limit(times=2), 10**12, None) is None
    assert judge(limit(amount=10, times=2), 11, None) is not None


def test_a_cent_is_no_multiple_of_anything() -> None:
    """A key that usually spends next to nothing may spend a cent in ten minutes."""
    assert judge(limit(times=2), LEAST_MICRO_USD, 1) is None
    assert judge(limit(times=2), LEAST_MICRO_USD + 1, 1) is not None


@given(
    amount=st.none() | st.integers(1, 10**9),
    times=st.none() | st.integers(2, 10_000),
    spent=st.integers(0, 10**10),
    usually=st.none() | st.integers(0, 10**8),
)
def test_the_tighter_bound_counts_and_nothing_below_the_floor_is_judged(
    amount: int | None, times: int | None, spent: int, usually: int | None
) -> None:
    """The floor spares the look at the history, and never a runaway."""
    if amount is None and times is None:
        return
    guard = limit(amount, times)
    bounds = [] if amount is None else [amount]
    if times is not None and usually is not None:
        bounds.append(max(LEAST_MICRO_USD, times * usually))
    found = judge(guard, spent, usually)

    assert (found is not None) == (bool(bounds) and spent > min(bounds))
    if found is not None:
        assert spent > floor_micro_usd(guard)
        assert found.allowed_micro_usd == min(bounds)


@given(st.dictionaries(st.integers(0, DAYS * SLOTS_A_DAY - 1), st.integers(1, 10**9), min_size=1))
def test_the_usual_lies_between_the_least_and_the_most_that_was_spent(back: dict[int, int]) -> None:
    """Whatever the history, it is a mean of amounts of it, or there is none before today."""
    by_slot = {slot_at(NOW.timestamp()) - slots: cost for slots, cost in back.items()}
    found = usual(by_slot)

    assert found is None or min(back.values()) <= found <= max(back.values())
    if found is None:
        assert all(slots * SLOT_S < 86_400 for slots in back)
