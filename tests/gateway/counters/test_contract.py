"""What every back end of rate counters does: in memory, and in a real Redis on the caller's time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from counters_on_redis import redis_counters
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.counters.protocol import Counters, CounterSet, TakeResult
from pulumi_groq.gateway.counters.split import ALL_BUT_MONEY, SplitCounters
from pulumi_groq.policy.limits import Demand, Quota
from redis_server import RedisServer

RPM = Quota("requests_per_minute", "rpm:k", "requests", 30, 60)
RUNNING = Quota("max_parallel_requests", "running:k", "running", 3, None)
TPM = Quota("tokens_per_minute", "tpm:k", "tokens", 1000, 60)
CAP = Quota("cap", "spend:2026-11:organisation", "micro_usd", 1000, None)
DEMAND = Demand("m", tokens=100, cost_micro_usd=10)
BEGIN_S = 1_800_000_000.0


class Counting:
    """Counters with sets that stay in use, and reservations with ids of their own."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._sets: dict[tuple[Quota, ...], CounterSet] = {}
        self._number = 0

    def of(self, *quotas: Quota, at_s: float = 0.0) -> CounterSet:
        """The set of these quotas."""
        if quotas not in self._sets:
            self._sets[quotas] = self._counters.counter_set(quotas, BEGIN_S + at_s)
        return self._sets[quotas]

    async def take(self, *quotas: Quota, demand: Demand = DEMAND, at_s: float = 0.0) -> TakeResult:
        """Take from them, under a new id."""
        self._number += 1
        now_s = BEGIN_S + at_s
        return await self.of(*quotas, at_s=at_s).take(demand, now_s, f"r{self._number}", now_s + 900)

    async def settle(
        self, *quotas: Quota, number: int, tokens: int, cost: int = 0, at_s: float = 0.0
    ) -> None:
        """Settle what the take of this number took."""
        counter_set, now_s = self.of(*quotas, at_s=at_s), BEGIN_S + at_s
        await counter_set.settle(DEMAND, f"r{number}", tokens=tokens, cost_micro_usd=cost, now_s=now_s)


@pytest.fixture(params=["memory", "redis"])
async def counting(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[Counting]:
    """Counters of each back end; with Redis money is in memory, as in the gateway."""
    if request.param == "memory":
        yield Counting(MemoryCounters())
        return
    async with redis_counters(redis_server.url, uses_server_time=False) as rates:
        yield Counting(SplitCounters(MemoryCounters(), rates, ALL_BUT_MONEY))


async def test_a_refused_request_takes_nothing(counting: Counting) -> None:
    """The limit that refuses leaves every other one untouched, before it and after it."""
    too_much = DEMAND._replace(tokens=1001)
    too_dear = DEMAND._replace(cost_micro_usd=1001)

    refused = await counting.take(CAP, RPM, TPM, demand=too_much)
    assert (refused.refused, list(refused.levels)) == (2, [0, 0, 0])
    assert (await counting.take(CAP, RPM, TPM, demand=too_dear)).refused == 0
    assert list((await counting.take(CAP, RPM, TPM)).levels) == [10, 1, 100]


async def test_requests_drain_while_tokens_are_held(counting: Counting) -> None:
    """A slow request gives its tokens back only when it is settled."""
    await counting.take(RPM, TPM)

    assert list((await counting.take(RPM, TPM, at_s=60)).levels) == [1, 200]


async def test_settling_counts_what_was_used(counting: Counting) -> None:
    """The reservation goes, the real use stays and drains; money stays for the month."""
    await counting.take(CAP, TPM)
    await counting.settle(CAP, TPM, number=1, tokens=40, cost=7)

    assert list((await counting.take(CAP, TPM, at_s=1.2)).levels) == pytest.approx([17, 120])


async def test_room_is_there_when_it_has_drained_and_not_before(counting: Counting) -> None:
    """One of 30 a minute after 2 s: sums of binary fractions do not put it off, nor bring it forward."""
    for _ in range(30):
        await counting.take(RPM)

    assert [(await counting.take(RPM, at_s=at_s)).refused for at_s in (0.1, 1.0, 1.999, 2.0)] == [
        0,
        0,
        0,
        None,
    ]


async def test_a_clock_that_was_set_back_refuses_nobody_for_long(counting: Counting) -> None:
    """As one that was hours ahead until the time came from the network: room comes at its pace."""
    for _ in range(30):
        await counting.take(RPM, at_s=7200)

    assert [(await counting.take(RPM, at_s=at_s)).refused for at_s in (0.0, 1.9, 2.0)] == [0, 0, None]


async def test_a_place_is_free_once_its_request_is_settled(counting: Counting) -> None:
    """Whatever it used, and however much time has passed: what runs does not drain."""
    taken = [await counting.take(RPM, RUNNING, TPM) for _ in range(4)]
    looked = await counting.of(RPM, RUNNING, TPM).full(BEGIN_S + 9)
    await counting.settle(RPM, RUNNING, TPM, number=2, tokens=0, at_s=9)
    after = [await counting.take(RPM, RUNNING, TPM, at_s=9) for _ in range(2)]

    assert [each.refused for each in (*taken, looked, *after)] == [None, None, None, 1, 1, None, 1]
    assert [list(each.levels)[1] for each in (*taken, looked, *after)] == [1, 2, 3, 3, 3, 3, 3]
    assert [list(each.reserved)[1] for each in (taken[3], after[1])] == [3, 3]


async def test_sets_share_the_places_of_what_runs(counting: Counting) -> None:
    """A rotation's two keys, each with its own limit."""
    wide = replace(RUNNING, ceiling=4)
    for _ in range(3):
        await counting.take(RUNNING)

    assert [(await counting.take(each)).refused for each in (RUNNING, wide, wide)] == [0, None, 0]


async def test_a_set_is_not_idle_while_a_request_of_it_runs(counting: Counting) -> None:
    """However long it takes."""
    await counting.take(RUNNING)
    counter_set = counting.of(RUNNING)

    assert not counter_set.is_idle(BEGIN_S + 800)
    await counting.settle(RUNNING, number=1, tokens=0, at_s=800)
    assert counter_set.is_idle(BEGIN_S + 861)


async def test_what_running_requests_hold_is_told_with_a_refusal(counting: Counting) -> None:
    """Of the limit that refused."""
    await counting.take(TPM, demand=DEMAND._replace(tokens=950))
    refused = await counting.take(TPM)

    assert (refused.refused, list(refused.levels), list(refused.reserved)) == (0, [950], [950])


async def test_full_takes_nothing_and_looks_at_requests_only(counting: Counting) -> None:
    """Nobody knows yet how many tokens a request that was not read needs."""
    await counting.take(CAP, RPM, TPM, demand=DEMAND._replace(tokens=1000))
    not_yet = await counting.of(CAP, RPM, TPM).full(BEGIN_S)
    for _ in range(29):
        await counting.take(CAP, RPM, TPM, demand=DEMAND._replace(tokens=0))
    full = await counting.of(CAP, RPM, TPM).full(BEGIN_S)

    assert (not_yet.refused, list(not_yet.levels)) == (None, [10, 1, 1000])
    assert (full.refused, list(full.levels)) == (1, [300, 30, 1000])


async def test_sets_with_the_same_counters_share_them_and_keep_their_own_pace(counting: Counting) -> None:
    """A rotation's two keys: what one took counts for the other, and each waits as its own limit says."""
    wide = replace(RPM, ceiling=60)
    for _ in range(30):
        await counting.take(RPM)

    refused, admitted = await counting.take(RPM), await counting.take(wide)
    later = await counting.take(RPM, at_s=4.0)

    assert (refused.refused, admitted.refused, later.refused) == (0, None, None)
    assert (list(admitted.levels), list(later.levels)) == ([31], [30])


async def test_concurrent_takes_never_pass_the_number_that_may_run(counting: Counting) -> None:
    """However many ask at once."""
    taken = await asyncio.gather(*(counting.take(CAP, RPM, RUNNING, TPM) for _ in range(20)))

    assert sum(each.refused is None for each in taken) == RUNNING.ceiling


@pytest.mark.parametrize("quotas", [(CAP,), (TPM,), (CAP, TPM)])
async def test_concurrent_takes_never_pass_a_limit(counting: Counting, quotas: Sequence[Quota]) -> None:
    """However many ask at once, the sum of what is taken stays within."""
    seven = Demand("m", tokens=7, cost_micro_usd=7)
    taken = await asyncio.gather(*(counting.take(*quotas, demand=seven) for _ in range(200)))

    assert sum(each.refused is None for each in taken) == 1000 // 7


async def test_without_quotas_all_passes(counting: Counting) -> None:
    """A key without limits asks nobody."""
    assert await counting.take() == TakeResult(None, [])
    assert await counting.of().full(BEGIN_S) == TakeResult(None, [])


async def test_a_set_is_idle_once_all_has_drained_and_nothing_is_held(counting: Counting) -> None:
    """Until then what it knows is still needed."""
    await counting.take(RPM, TPM)
    counter_set = counting.of(RPM, TPM)

    assert not counter_set.is_idle(BEGIN_S + 1)
    await counting.settle(RPM, TPM, number=1, tokens=1000, at_s=2)
    assert not counter_set.is_idle(BEGIN_S + 61)
    assert counter_set.is_idle(BEGIN_S + 62.1)
