"""Escrow: whatever comes between, what replicas spend at the same time stays within every limit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow_machine import Escrow
from pulumi_groq.policy.escrow import (
    UNLIMITED_REQUESTS,
    Bank,
    BehindError,
    Call,
    FencedError,
    Holder,
    Spent,
    Wallet,
    grant_of,
)

TestEscrow = Escrow.TestCase
TestEscrow.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


@given(left=st.none() | st.integers(-100, 10**9), need=st.integers(1, 10**6), replicas=st.integers(1, 64))
def test_a_grant_never_takes_more_than_is_left(left: int | None, need: int, replicas: int) -> None:
    """It is what is needed where that is left, and one request's near the end."""
    granted = grant_of(need, left, replicas)

    if left is None:
        assert granted == need * UNLIMITED_REQUESTS
    else:
        assert min(need, max(0, left)) <= granted <= max(0, left)
        assert granted <= max(need, left // (4 * replicas))


def test_a_call_is_answered_once_however_often_it_is_sent() -> None:
    """The answer of a repeated call is that of the first, and nothing more is granted."""
    bank = Bank()
    bank.set_limit("cap", 1_000)
    holder = bank.join("a")
    call = Call(1, {}, {"cap": 10})

    assert bank.exchange(holder, call) == bank.exchange(holder, call)
    assert bank.accounts["cap"].outstanding == 250


def test_a_request_that_costs_nothing_ends_after_its_window_was_forgotten() -> None:
    """A model may have no price to speak of: nothing is held for it that would keep the purse."""
    wallet = Wallet(Holder("a", 1))
    assert wallet.hold(["hour"], 0)
    assert wallet.forgets("hour")
    wallet.settle("r", ["hour"], 0, 0)
    assert wallet.forgets("hour")


def test_what_is_reserved_when_an_account_is_opened_is_held_in_it_whatever_its_limit() -> None:
    """Nothing more is granted above it, and its end gives back what it did not cost."""
    bank = Bank()
    bank.set_limit("day", 100)
    holder, batch = bank.join("a"), Holder("hold:r", 1)
    bank.set_apart(batch, "day", 130)
    assert bank.exchange(holder, Call(1, {}, {"day": 10})).granted == {"day": 0}
    assert bank.accounts["day"].excess == 30

    bank.close(batch, [Spent("r", ("day",), 60)])
    assert bank.exchange(holder, Call(2, {}, {"day": 50})).granted == {"day": 40}


def test_a_former_life_of_a_replica_gets_nothing_more() -> None:
    """After a restart the process of before is fenced: it may book, but not ask."""
    bank = Bank()
    bank.set_limit("cap", 1_000)
    former = bank.join("a")
    bank.exchange(former, Call(1, {}, {"cap": 10}))
    bank.join("a")

    with pytest.raises(FencedError):
        bank.exchange(former, Call(2, {}, {"cap": 10}))
    bank.close(former, [Spent("r", ("cap",), 7)])
    assert (bank.accounts["cap"].settled, bank.accounts["cap"].outstanding) == (7, 0)


def test_a_forgotten_replica_costs_what_it_held_until_its_journal_turns_up() -> None:
    """The charge is the whole grant; booking the journal puts what was spent in its place."""
    bank = Bank()
    bank.set_limit("cap", 1_000)
    lost = bank.join("a")
    bank.exchange(lost, Call(1, {}, {"cap": 10}))

    assert bank.forget("a") == {"cap": 250}
    assert bank.accounts["cap"].settled == 250
    bank.close(lost, [Spent("r", ("cap",), 7)])
    assert bank.accounts["cap"].settled == 7


def test_calls_out_of_turn_are_refused() -> None:
    """A number before the last was made up, and must not be granted."""
    bank = Bank()
    bank.set_limit("cap", 1_000)
    holder = bank.join("a")
    for number in (1, 2):
        bank.exchange(holder, Call(number, {}, {"cap": 10}))

    with pytest.raises(ValueError, match="call 1 cannot follow call 2"):
        bank.exchange(holder, Call(1, {}, {"cap": 10}))


@pytest.mark.parametrize("lives", [0, 1, 2])
def test_a_bank_that_lacks_what_it_answered_grants_nothing(lives: int) -> None:
    """As an older copy of it does: it knows fewer lives of the replica, or fewer calls of this one."""
    bank = Bank()
    bank.set_limit("cap", 1_000)
    for _ in range(lives):
        bank.join("a")

    with pytest.raises(BehindError):
        bank.exchange(Holder("a", 2), Call(3, {}, {"cap": 10}))
    assert bank.accounts["cap"].outstanding == 0


def test_nobody_gives_back_what_it_does_not_hold() -> None:
    """Money is not made by giving it back twice."""
    bank = Bank()
    bank.set_limit("cap", 1_000)
    holder = bank.join("a")

    with pytest.raises(ValueError, match="does not hold 5 of cap"):
        bank.exchange(holder, Call(1, {"cap": 5}, {}))


def test_what_was_spent_without_a_grant_is_booked_and_seen() -> None:
    """The truth is not refused: it counts as excess, and nothing more is granted."""
    bank = Bank()
    bank.set_limit("cap", 5)
    holder = bank.join("a")
    bank.book(holder, [Spent("r", ("cap",), 7)])

    assert (bank.accounts["cap"].settled, bank.accounts["cap"].excess) == (7, 2)
    assert bank.exchange(holder, Call(1, {}, {"cap": 1})).granted == {"cap": 0}


def test_a_correction_counts_at_once() -> None:
    """What an operator drops is there to be granted; what is added is not."""
    bank = Bank()
    bank.set_limit("cap", 10)
    holder = bank.join("a")
    bank.book(holder, [Spent("r", ("cap",), 10)])
    bank.correct("cap", -4)

    assert bank.exchange(holder, Call(1, {}, {"cap": 4})).granted == {"cap": 4}


def wallet_with(granted: int) -> Wallet:
    wallet = Wallet(Holder("a", 1))
    wallet.purse("cap").granted = granted
    return wallet


def test_a_month_that_is_over_is_forgotten_once_nothing_is_in_it() -> None:
    """Neither granted, nor held, nor waiting to be booked."""
    wallet = wallet_with(10)
    assert not wallet.forgets("cap")
    wallet.hold(["cap"], 10)
    wallet.settle("r", ["cap"], 10, 10)
    assert not wallet.forgets("cap")
    wallet.booked(["r"], {"cap": 10})

    assert wallet.forgets("cap")
    assert wallet.purses == {}


def test_what_an_earlier_write_has_booked_took_what_it_cost() -> None:
    """Its answer was lost, so the step that finds the request in the ledger takes nothing for it."""
    wallet = wallet_with(10)
    wallet.hold(["cap"], 8)
    wallet.settle("r", ["cap"], 8, 3)
    wallet.booked(["r"], {}, before=["r"])

    purse = wallet.purse("cap")
    assert (purse.granted, purse.held, purse.used) == (7, 0, 0)


def test_a_request_that_cost_nothing_is_not_waited_for() -> None:
    """There is nothing of it to book."""
    wallet = wallet_with(10)
    wallet.hold(["cap"], 8)
    wallet.settle("r", ["cap"], 8, 0)

    assert wallet.purse("cap").idle == 10


def test_a_batch_that_costs_nothing_moves_nothing() -> None:
    """It has no holder of its own that would have to be closed."""
    bank = Bank()
    bank.set_limit("cap", 1_000)
    holder = bank.join("a")
    bank.exchange(holder, Call(1, {}, {"cap": 10}))
    bank.move(holder, Holder("hold:batch", 1), {"cap": 0})

    assert {each.replica for each, _ in bank.grants} == {"a"}
