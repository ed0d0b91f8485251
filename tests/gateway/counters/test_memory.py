"""The in-process counters: all or nothing, nothing lost, nothing kept for ever."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from pulumi_groq.gateway.counters.memory import MemoryCounters, MemoryCounterSet
from pulumi_groq.gateway.counters.protocol import TakeResult
from pulumi_groq.policy.limits import Demand, Quota

RPM = Quota("requests_per_minute", "rpm:k", "requests", 30, 60)
TPM = Quota("tokens_per_minute", "tpm:k", "tokens", 1000, 60)
CAP = Quota("cap", "spend:2026-11:organisation", "micro_usd", 1000, None)
BUDGET = Quota("budget", "spend:2026-11:first", "micro_usd", 50, None)
DEMAND = Demand("m", tokens=100, cost_micro_usd=10)
NOTHING = Demand("m", tokens=0, cost_micro_usd=0)


class Kept(MemoryCounters):
    """Counters whose sets all stay in use."""

    def __init__(self, spent: Mapping[str, int] | None = None) -> None:
        super().__init__(lambda quota: (spent or {}).get(quota.counter_key, 0))
        self.counter_sets: list[MemoryCounterSet] = []

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> MemoryCounterSet:
        self.counter_sets.append(super().counter_set(quotas, now_s))
        return self.counter_sets[-1]


def take(counters: MemoryCounters, *quotas: Quota, demand: Demand = DEMAND, now_s: float = 0.0) -> TakeResult:
    return asyncio.run(counters.counter_set(quotas, now_s).take(demand, now_s, "r", now_s + 900))


def settle(
    counters: MemoryCounters,
    *quotas: Quota,
    demand: Demand = DEMAND,
    tokens: int = 0,
    cost: int = 0,
    now_s: float = 0.0,
) -> None:
    counter_set = counters.counter_set(quotas, now_s)
    asyncio.run(counter_set.settle(demand, "r", tokens=tokens, cost_micro_usd=cost, now_s=now_s))


def test_a_refused_request_takes_nothing() -> None:
    """The limit that refuses leaves every other one untouched."""
    counters = Kept()
    too_much = DEMAND._replace(tokens=1001)

    assert take(counters, CAP, RPM, TPM, demand=too_much).refused == 2
    assert take(counters, CAP, RPM, TPM).levels == [10, 1, 100]


def test_requests_drain_while_tokens_are_held() -> None:
    """A slow request gives its tokens back only when it is settled."""
    counters = Kept()
    take(counters, RPM, TPM)

    assert take(counters, RPM, TPM, now_s=60).levels == [1, 200]


def test_settling_counts_what_was_used() -> None:
    """The reservation goes, the real use stays and drains."""
    counters = Kept()
    take(counters, TPM)
    settle(counters, TPM, tokens=40)

    assert take(counters, TPM, now_s=1.2).levels == [120]


def test_settled_money_does_not_drain() -> None:
    """What is spent is spent for the month."""
    counters = Kept()
    take(counters, CAP)
    settle(counters, CAP, cost=7)

    assert take(counters, CAP, now_s=10**6).levels == [17]


def test_a_changed_limit_is_in_force_at_once() -> None:
    """The level stays, the pace changes."""
    counters = Kept()
    for _ in range(30):
        take(counters, RPM)

    assert take(counters, replace(RPM, ceiling=60)).levels == [31]
    assert take(counters, replace(RPM, ceiling=60), now_s=1).levels == [31]


def test_a_total_begins_with_what_is_spent() -> None:
    """After a restart, or where a budget is set in mid-window; once it is held it is not set back."""
    counters = Kept({CAP.counter_key: 985})

    assert take(counters, CAP).levels == [995]
    assert take(counters, CAP).refused == 0
    assert not counters.holds(BUDGET)
    assert counters.holds(CAP)


def test_totals_live_as_long_as_something_counts_in_them() -> None:
    """A window that is over takes no memory; a request that is still in flight keeps its window's total."""
    counters = Kept()
    take(counters, CAP)
    settle(counters, CAP, cost=5)
    assert take(counters, replace(CAP, counter_key="spend:2026-12:organisation")).levels == [10]
    assert take(counters, CAP).levels == [15]

    counters.counter_sets.clear()

    assert not counters.holds(CAP)


def test_sets_of_the_same_quotas_share_the_counters() -> None:
    """A key whose budget changes goes on with the levels that it had."""
    counters = Kept()
    take(counters, CAP, TPM)

    assert take(counters, CAP, BUDGET, TPM).levels == [20, 10, 200]


def test_a_limit_that_changes_drains_at_the_new_pace_from_then_on() -> None:
    """Not for the time before: 30 s at 30 a minute, then 30 s at 60."""
    counters = Kept()
    for _ in range(30):
        take(counters, RPM)
    raised = counters.counter_set([replace(RPM, ceiling=60)], 30.0)

    assert asyncio.run(raised.take(DEMAND, 35.0, "r", 900.0)).levels == [11]


def test_buckets_go_with_the_last_set_that_has_them() -> None:
    """Memory follows the keys in use, not the keys ever seen; a request in flight keeps its own."""
    counters = MemoryCounters()
    in_flight = counters.counter_set([RPM, TPM], 0.0)
    again = counters.counter_set([RPM, TPM], 0.0)
    del again
    assert counters.bucket_count == 2
    del in_flight

    assert counters.bucket_count == 0


def test_a_set_is_idle_once_all_has_drained_and_nothing_is_held() -> None:
    """Until then its levels are still needed."""
    counters = Kept()
    take(counters, CAP, RPM, TPM)
    counter_set = counters.counter_set([CAP, RPM, TPM], 0.0)

    assert not counter_set.is_idle(3600.0)
    settle(counters, CAP, RPM, TPM, tokens=1000, now_s=3600.0)
    assert not counter_set.is_idle(3659.0)
    assert counter_set.is_idle(3660.0)


async def test_concurrent_takes_never_pass_the_cap() -> None:
    """However many ask at once, the sum of what is taken stays within the cap."""
    counters, seven = Kept(), DEMAND._replace(cost_micro_usd=7)

    taken = await asyncio.gather(
        *(counters.counter_set([CAP], 0.0).take(seven, 0.0, "r", 900.0) for _ in range(200))
    )

    assert len([each for each in taken if each.refused is None]) == 1000 // 7


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 1000), st.floats(0, 1)), max_size=50))
@settings(max_examples=100)
def test_over_any_window_use_stays_within_burst_and_refill(
    steps: list[tuple[float, int, float]],
) -> None:
    """Requests that last, settled late and for less: no span sees more than one bucket plus its refill."""
    counters = Kept()
    now_s = 0.0
    open_demands: list[tuple[Demand, int]] = []
    settled: list[tuple[float, int]] = []
    for gap_s, amount, share in steps:
        now_s += gap_s
        demand = DEMAND._replace(tokens=amount)
        if take(counters, TPM, demand=demand, now_s=now_s).refused is None:
            open_demands.append((demand, int(amount * share)))
        elif open_demands:
            done, used = open_demands.pop(0)
            settle(counters, TPM, demand=done, tokens=used, now_s=now_s)
            settled.append((now_s, used))
    for start, (first_s, _) in enumerate(settled):
        total = 0
        for at_s, used in settled[start:]:
            total += used
            assert total <= 1000 * (1 + (at_s - first_s) / 60) + 1e-3


WIDE = (CAP, replace(TPM, ceiling=10**9))


class Conservation(RuleBasedStateMachine):
    """Reserve and settle in any order: the totals are exactly what is open plus what was used."""

    reservations = Bundle("reservations")

    def __init__(self) -> None:
        super().__init__()
        self.counters = Kept()
        self.held = 0
        self.spent = 0

    @rule(target=reservations, amount=st.integers(0, 400))
    def reserve(self, amount: int) -> Demand | None:
        demand = Demand("m", tokens=amount, cost_micro_usd=amount)
        fits = self.held + self.spent + amount <= 1000
        refused = take(self.counters, *WIDE, demand=demand).refused
        assert fits == (refused is None)
        if refused is not None:
            return None
        self.held += amount
        return demand

    @rule(demand=consumes(reservations), used=st.integers(0, 400))
    def settle(self, demand: Demand | None, used: int) -> None:
        if demand is not None:
            used = min(used, demand.tokens)
            settle(self.counters, *WIDE, demand=demand, tokens=used, cost=used)
            self.held -= demand.tokens
            self.spent += used

    @invariant()
    def totals_are_conserved(self) -> None:
        expected = self.held + self.spent
        assert take(self.counters, *WIDE, demand=NOTHING).levels == [expected, expected]
        assert expected <= 1000


TestConservation = Conservation.TestCase


async def test_two_limits_on_one_counter_share_its_level_and_keep_their_own_pace() -> None:
    """A rotation's two keys: what one took counts for the other, and each waits as its own limit says."""
    counters = Kept()
    narrow, wide = (counters.counter_set([replace(RPM, ceiling=ceiling)], 0.0) for ceiling in (30, 60))

    for _ in range(30):
        await narrow.take(DEMAND, 0.0, "r", 900.0)
    refused = await narrow.take(DEMAND, 0.0, "r", 900.0)
    admitted = await wide.take(DEMAND, 0.0, "r", 900.0)
    later = await narrow.take(DEMAND, 4.0, "r", 900.0)

    assert (refused.refused, admitted.refused, later.refused) == (0, None, None)
    assert (admitted.levels, later.levels) == ([31], [30])


def test_quotas_in_another_order_are_refused() -> None:
    """Its levels would be another quota's."""
    with pytest.raises(ValueError, match="in the order of money, requests, running"):
        MemoryCounters().counter_set([TPM, RPM], 0.0)
