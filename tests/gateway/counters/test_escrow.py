"""Money of several replicas: grants decide in memory, and the bank is asked where they do not do."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from pulumi_groq.gateway.counters.escrow import EscrowCounters, EscrowCounterSet
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.policy.escrow import Answer, Bank, Call, Holder
from pulumi_groq.policy.limits import Demand, Quota

pytestmark = pytest.mark.anyio

CAP, BUDGET = "spend:2026-11:organisation", "spend:2026-11:lineage"


class BankAtHand:
    """The pure bank as replicas see it; `is_out` while it cannot be reached."""

    def __init__(self, cap: int, budget: int | None = None) -> None:
        self.bank = Bank()
        self.bank.set_limit(CAP, cap)
        self.bank.set_limit(BUDGET, budget)
        self.replicas: list[EscrowCounters] = []
        self.is_out = False
        self.loses_answers = False
        self.recalls = 0

    def replica(self) -> EscrowCounters:
        holder = self.bank.join(f"replica-{len(self.replicas)}")
        self.replicas.append(EscrowCounters(holder, self))
        return self.replicas[-1]

    async def exchange(self, holder: Holder, call: Call, needed: Mapping[str, Quota]) -> Answer:
        await asyncio.sleep(0)
        if self.is_out:
            raise StoreUnavailableError("out")
        answer = self.bank.exchange(holder, call)
        if self.loses_answers:
            raise StoreUnavailableError("cut")
        return answer

    async def recall(self, accounts: Collection[str]) -> None:
        self.recalls += 1
        for replica in self.replicas:
            await replica.give_back(accounts)


def counters_of(replica: EscrowCounters, cap: int, budget: int | None = None) -> EscrowCounterSet:
    quotas = [Quota("cap", CAP, "micro_usd", cap, None), Quota("budget", BUDGET, "micro_usd", budget, None)]
    return replica.counter_set(quotas, 0.0)


def costing(cost: int) -> Demand:
    return Demand("m", 1, cost)


async def refused(counters: EscrowCounterSet, cost: int, now_s: float = 0.0) -> int | None:
    return (await counters.take(costing(cost), now_s, "r", 60.0)).refused


async def settle(counters: EscrowCounterSet, held: int, cost: int) -> None:
    await counters.settle(costing(held), "r", tokens=1, cost_micro_usd=cost, now_s=0.0)


async def test_what_a_grant_covers_asks_nobody() -> None:
    """One call brings a quarter of the cap; what fits into that waits for no bank."""
    bank = BankAtHand(1_000)
    counters = counters_of(bank.replica(), 1_000)

    assert [await refused(counters, 10) for _ in range(25)] == [None] * 25
    assert bank.replicas[0].calls == 1
    assert await refused(counters, 10) is None
    assert bank.replicas[0].calls == 2


async def test_money_that_lies_idle_elsewhere_is_recalled_before_a_refusal() -> None:
    """Three replicas spend the cap to its last micro-dollar, though grants lay with all of them."""
    bank = BankAtHand(1_000)
    sets = [counters_of(bank.replica(), 1_000) for _ in range(3)]
    for counters in sets:
        assert await refused(counters, 1) is None

    assert await refused(sets[0], 997) is None
    assert [await refused(counters, 1) for counters in sets] == [0, 0, 0]
    assert bank.bank.accounts[CAP].outstanding == 1_000


async def test_the_refusing_account_is_named_and_the_other_stays_free() -> None:
    """A budget that is used up refuses at its position, and takes nothing from the cap."""
    bank = BankAtHand(1_000, 100)
    counters = counters_of(bank.replica(), 1_000, 100)
    assert await refused(counters, 80) is None
    result = await counters.take(costing(30), 0.0, "r", 60.0)

    assert (result.refused, result.levels[1], result.reserved[1]) == (1, 80, 80)
    assert bank.replicas[0].wallet.purse(CAP).held == 80


async def test_what_is_spent_and_what_is_reserved_are_told_apart() -> None:
    """A denial says what lasts and what waiting helps with: settled money is not reserved."""
    bank = BankAtHand(1_000)
    counters = counters_of(bank.replica(), 1_000)
    assert await refused(counters, 900) is None
    await settle(counters, 900, 600)
    result = await counters.take(costing(500), 5.0, "r", 60.0)

    assert result.refused == 0
    assert (result.levels[0] - result.reserved[0], result.reserved[0]) == (600, 0)


async def test_those_who_waited_share_the_refusal() -> None:
    """A crowd at an exhausted cap costs two recalls, not one each."""
    bank = BankAtHand(100)
    counters = counters_of(bank.replica(), 100)
    assert await refused(counters, 100) is None

    answers = await asyncio.gather(*(refused(counters, 10) for _ in range(50)))
    assert set(answers) == {0}
    assert bank.recalls == 1
    assert await refused(counters, 10) == 0
    assert bank.recalls == 2


async def test_a_settled_cap_refuses_without_the_bank_for_a_moment() -> None:
    """What is spent stays spent, so the bank is asked about it once a second at the most."""
    bank = BankAtHand(100)
    replica = bank.replica()
    bank.bank.correct(CAP, 100)
    counters = counters_of(replica, 100)
    assert await refused(counters, 10, 0.0) == 0
    calls = replica.calls

    assert await refused(counters, 10, 0.9) == 0
    assert replica.calls == calls
    bank.bank.correct(CAP, -100)
    assert await refused(counters, 10, 1.0) is None


async def test_a_correction_is_known_at_once() -> None:
    """An operator who drops a set-aside request need not wait for the replica that took the decision."""
    bank = BankAtHand(100)
    replica = bank.replica()
    bank.bank.correct(CAP, 100)
    counters = counters_of(replica, 100)
    assert await refused(counters, 10) == 0
    bank.bank.correct(CAP, -100)
    replica.correct(CAP, -100)

    assert await refused(counters, 10) is None


async def test_without_the_bank_what_is_granted_goes_on() -> None:
    """PostgreSQL out: a quarter of the cap can still be spent, then requests fail closed."""
    bank = BankAtHand(1_000)
    counters = counters_of(bank.replica(), 1_000)
    assert await refused(counters, 10) is None
    bank.is_out = True

    assert [await refused(counters, 24) for _ in range(10)] == [None] * 10
    with pytest.raises(StoreUnavailableError):
        await refused(counters, 24)
    bank.is_out = False
    assert await refused(counters, 24) is None


async def test_a_lost_answer_is_fetched_and_granted_once() -> None:
    """The grant that nobody heard of is found by the next call, not lost and not doubled."""
    bank = BankAtHand(1_000)
    replica = bank.replica()
    counters = counters_of(replica, 1_000)
    bank.loses_answers = True
    with pytest.raises(StoreUnavailableError):
        await refused(counters, 10)
    bank.loses_answers = False

    assert await refused(counters, 10) is None
    assert bank.bank.accounts[CAP].outstanding == replica.wallet.purse(CAP).granted == 250


async def test_a_client_that_leaves_while_the_bank_is_asked_takes_nothing_along() -> None:
    """The answer to its question belongs to the replica."""
    bank = BankAtHand(1_000)
    replica = bank.replica()
    counters = counters_of(replica, 1_000)
    gone = asyncio.ensure_future(refused(counters, 10))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone

    assert await refused(counters, 10) is None
    purse = replica.wallet.purse(CAP)
    assert (purse.held, purse.granted) == (10, bank.bank.accounts[CAP].outstanding)


async def test_a_window_that_is_over_gives_its_money_back() -> None:
    """All that lies idle goes back; what requests in flight hold stays."""
    bank = BankAtHand(1_000)
    replica = bank.replica()
    assert await refused(counters_of(replica, 1_000), 10) is None
    await replica.give_back()

    assert bank.bank.accounts[CAP].outstanding == 10
    assert replica.counter_set([], 0.0).is_idle(0.0)
