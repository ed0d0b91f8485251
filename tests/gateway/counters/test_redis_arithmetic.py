"""Buckets in Redis are those in memory, to the printed digit."""

import asyncio
from dataclasses import replace
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from counters_on_redis import redis_counters
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.counters.protocol import CounterSet, TakeResult
from pulumi_groq.policy.decision import denial_of
from pulumi_groq.policy.limits import Demand, Quota, RateHeaders
from redis_server import RedisServer

BEGIN_S = 1_800_000_000.123456
QUOTAS = (
    Quota("requests_per_minute", "rpm:k", "requests", 7, 60),
    Quota("requests_per_day", "rpd:k", "requests", 40, 86_400),
    Quota("max_parallel_requests", "running:k", "running", 4, None),
    Quota("tokens_per_minute", "tpm:k", "tokens", 1000, 60),
    Quota("tokens_per_day", "tpd:k", "tokens", 9000, 86_400),
)
RAISED = (
    replace(QUOTAS[0], ceiling=11),
    QUOTAS[1],
    replace(QUOTAS[2], ceiling=5),
    replace(QUOTAS[3], ceiling=700),
    QUOTAS[4],
)

_NAMESPACES = count()

STEPS = st.lists(
    st.tuples(
        st.floats(0, 40),
        st.integers(0, 1100),
        st.sampled_from(["take", "take", "settle", "full", "change"]),
        st.floats(0, 1.2),
    ),
    max_size=30,
)


def shown(demand: Demand, result: TakeResult) -> tuple[object, ...]:
    """All that a client sees of a decision."""
    headers = RateHeaders(QUOTAS).at(result.levels)
    if result.refused is None:
        return ("admitted", headers)
    denial = denial_of(demand, QUOTAS, result.refused, result.levels, result.reserved, "org")
    return (denial, headers)


async def play(
    redis_url: str, namespace: str, steps: list[tuple[float, int, str, float]]
) -> list[tuple[object, object]]:
    """The same steps on both; what each shows."""
    quotas = tuple(replace(each, counter_key=each.counter_key + namespace) for each in QUOTAS)
    raised = tuple(replace(each, counter_key=each.counter_key + namespace) for each in RAISED)
    found: list[tuple[object, object]] = []
    async with redis_counters(redis_url, uses_server_time=False) as counters:
        memory = MemoryCounters()
        now_s = BEGIN_S
        sets: tuple[CounterSet, CounterSet] = (
            counters.counter_set(quotas, now_s),
            memory.counter_set(quotas, now_s),
        )
        held = [sets]
        open_demands: list[tuple[tuple[CounterSet, CounterSet], Demand, str]] = []
        for number, (gap_s, tokens, step, share) in enumerate(steps):
            now_s += gap_s
            await counters.renew(now_s)  # as every 10 s, whatever time has passed
            demand = Demand("m", tokens, 0)
            if step == "take":
                both = [await each.take(demand, now_s, f"r{number}", now_s + 10**6) for each in sets]
                if both[0].refused is None:
                    open_demands.append((sets, demand, f"r{number}"))
                found.append((shown(demand, both[0]), shown(demand, both[1])))
                found.append((list(both[0].levels), list(both[1].levels)))
            elif step == "full":
                both = [await each.full(now_s) for each in sets]
                found.append(((both[0].refused, both[0].levels), (both[1].refused, both[1].levels)))
            elif step == "settle" and open_demands:
                took, settled, name = open_demands.pop(0)
                for each in took:
                    used = int(settled.tokens * share)
                    await each.settle(settled, name, tokens=used, cost_micro_usd=0, now_s=now_s)
            elif step == "change":
                changed = raised if len(held) % 2 else quotas
                sets = (counters.counter_set(changed, now_s), memory.counter_set(changed, now_s))
                held.append(sets)
                both = [await each.take(demand, now_s, f"r{number}", now_s + 10**6) for each in sets]
                if both[0].refused is None:
                    open_demands.append((sets, demand, f"r{number}"))
                found.append((list(both[0].levels), list(both[1].levels)))
    return found


@given(steps=STEPS)
@settings(max_examples=60)
def test_redis_decides_and_tells_as_memory_does(
    shared_redis_server: RedisServer, steps: list[tuple[float, int, str, float]]
) -> None:
    """Whatever the steps: admitted or not, levels, rate headers, message and retry-after."""
    found = asyncio.run(play(shared_redis_server.url, f"-{next(_NAMESPACES)}", steps))
    assert [redis for redis, _ in found] == [memory for _, memory in found]
