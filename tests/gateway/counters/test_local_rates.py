"""Limits without a back end that all gateways share: each holds its part."""

from pulumi_groq.gateway.counters.local_rates import LocalRates, LocalRateSet
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.policy.limits import Demand, Quota

RPM = Quota("requests_per_minute", "rpm:k", "requests", 30, 60)
RUNNING = Quota("max_parallel_requests", "running:k", "running", 7, None)
DEMAND = Demand("m", tokens=10, cost_micro_usd=0)


async def admitted(counter_set: LocalRateSet, attempts: int) -> int:
    taken = [await counter_set.take(DEMAND, 0.0, f"r{number}", 900.0) for number in range(attempts)]
    return sum(each.refused is None for each in taken)


async def test_the_parts_of_all_are_at_most_the_limit() -> None:
    """Rounded down, of whatever kind it is."""
    parts = []
    for quota in (RPM, RUNNING):
        sets = [LocalRates(MemoryCounters(), lambda: 4).counter_set([quota], 0.0) for _ in range(4)]
        parts.append([await admitted(each, 40) for each in sets])

    assert parts == [[7] * 4, [1] * 4]


async def test_no_part_is_below_one() -> None:
    """A limit below the number of gateways lets each of them serve one."""
    assert await admitted(LocalRates(MemoryCounters(), lambda: 9).counter_set([RUNNING], 0.0), 3) == 1


async def test_what_runs_counts_on_when_a_gateway_joins_or_leaves() -> None:
    """The part changes at the next request, the requests that run stay."""
    gateways = [1]
    counter_set = LocalRates(MemoryCounters(), lambda: gateways[0]).counter_set([RUNNING], 0.0)
    before = await admitted(counter_set, 5)
    gateways[0] = 2
    joined = await counter_set.take(DEMAND, 0.0, "joined", 900.0)
    for number in range(3):
        await counter_set.settle(DEMAND, f"r{number}", tokens=0, cost_micro_usd=0, now_s=0.0)
    freed = [(await counter_set.take(DEMAND, 0.0, f"freed{number}", 900.0)).refused for number in range(2)]
    gateways[0] = 1

    assert (before, joined.refused, freed) == (5, 0, [None, 0])
    assert await admitted(counter_set, 9) == 4


async def test_a_client_is_told_of_the_whole_limit() -> None:
    """Used up is 7 of 7, not 3 of 7."""
    counter_set = LocalRates(MemoryCounters(), lambda: 2).counter_set([RUNNING], 0.0)
    await admitted(counter_set, 3)
    refused = await counter_set.take(DEMAND, 0.0, "late", 900.0)

    assert (refused.refused, list(refused.levels)) == (0, [7])
