"""Who has to tell Redis again that its requests run."""

from pulumi_groq.gateway.counters.renewals import MOST_AT_ONCE, RENEWED_AFTER_S, Renewals


def test_a_set_is_due_once_its_time_has_passed() -> None:
    """Counted from its first place, however many it gets meanwhile, and again from each renewal."""
    renewals: Renewals[str] = Renewals()
    renewals.runs("a", 100.0)
    renewals.runs("b", 105.0)
    renewals.runs("a", 109.0)

    assert [list(renewals.due(now_s)) for now_s in (109.9, 110.0, 115.0, 119.9, 120.0)] == [
        [],
        ["a"],
        ["b"],
        [],
        ["a"],
    ]


def test_what_may_not_be_known_is_due_at_once() -> None:
    """One set, or all of them after a new connection."""
    renewals: Renewals[str] = Renewals()
    for name in ("a", "b", "c"):
        renewals.runs(name, 100.0)
    renewals.untold("c")
    one = list(renewals.due(101.0))
    renewals.all_untold()

    assert (one, sorted(renewals.due(101.0))) == (["c"], ["a", "b", "c"])


def test_a_set_without_requests_is_forgotten() -> None:
    """Also one that was never known."""
    renewals: Renewals[str] = Renewals()
    renewals.runs("a", 100.0)
    renewals.over("a")
    renewals.over("b")

    assert list(renewals.due(1000.0)) == []


def test_a_clock_that_is_set_back_puts_nothing_off() -> None:
    """By an hour: renewed is once too often rather than an hour too late."""
    renewals: Renewals[str] = Renewals()
    renewals.runs("a", 10_000.0)

    assert list(renewals.due(10_000.0 - 3600)) == ["a"]


def test_a_round_takes_a_bounded_number() -> None:
    """The others are due in the next."""
    renewals: Renewals[int] = Renewals()
    for number in range(MOST_AT_ONCE + 7):
        renewals.runs(number, 0.0)

    assert [len(renewals.due(RENEWED_AFTER_S)) for _ in range(3)] == [MOST_AT_ONCE, 7, 0]
