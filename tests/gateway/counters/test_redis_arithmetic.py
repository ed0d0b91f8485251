"""Buckets in Redis are those in memory, to the printed digit."""

import asyncio
from dataclasses import replace
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from counters_on_redis import redis_counters
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.counters.protocol import Counters, CounterSet, TakeResult
from pulumi_groq.policy.access import Bounds, KeyAccess, Limits
from pulumi_groq.policy.decision import denial_of
from pulumi_groq.policy.limits import Demand, Quota, RateHeaders
from pulumi_groq.policy.quotas import rate_quotas
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


KEY = KeyAccess("k", "k", "k", "t", frozenset(), Limits(7, 1000, 40, 9000), None, None, False)
BOUND = replace(KEY, team_bounds=Bounds(Limits(9, 1500)))
TIGHT = replace(KEY, team_bounds=Bounds(Limits(5, 800, 30)), limits=Limits(7, 1000))
VARIANTS = (KEY, BOUND, TIGHT)


def quotas_of_variant(variant: int, namespace: str) -> list[Quota]:
    """As the metering makes them, in counters of this example's own."""
    quotas = rate_quotas(VARIANTS[variant % len(VARIANTS)])
    return [replace(each, counter_key=each.counter_key + namespace) for each in quotas]


async def play_changes(
    redis_url: str, namespace: str, steps: list[tuple[float, int, str, float]]
) -> list[tuple[object, object]]:
    """Requests while the team of a key gets limits, loses them and gets others; what both back ends say."""
    found: list[tuple[object, object]] = []
    async with redis_counters(redis_url, uses_server_time=False) as counters:
        memory, now_s, variant = MemoryCounters(), BEGIN_S, 0
        running: list[tuple[tuple[CounterSet, CounterSet], Demand, str]] = []
        kept: list[CounterSet] = []
        for number, (gap_s, tokens, step, share) in enumerate(steps):
            now_s += gap_s
            if step == "change":
                variant += 1
            quotas = quotas_of_variant(variant, namespace)
            sets = (counters.counter_set(quotas, now_s), memory.counter_set(quotas, now_s))
            kept += sets
            demand, name = Demand("m", tokens, 0), f"r{number}"
            if step == "settle" and running:
                took, settled, settled_name = running.pop(0)
                for each in took:
                    used = int(settled.tokens * share)
                    await each.settle(settled, settled_name, tokens=used, cost_micro_usd=0, now_s=now_s)
                continue
            both = [await each.take(demand, now_s, name, now_s + 10**6) for each in sets]
            if both[0].refused is None:
                running.append((sets, demand, name))
            # Made anew for each request, the sets in memory drain in other steps.
            levels = [[round(level, 6) for level in each.levels] for each in both]
            found.append(((both[0].refused, levels[0]), (both[1].refused, levels[1])))
    return found


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


@given(steps=STEPS)
@settings(max_examples=60)
def test_a_limit_that_is_new_begins_alike_on_both(
    shared_redis_server: RedisServer, steps: list[tuple[float, int, str, float]]
) -> None:
    """Whatever a team gets or loses while requests run, its keys keep what they have used of theirs."""
    found = asyncio.run(play_changes(shared_redis_server.url, f"-{next(_NAMESPACES)}", steps))
    assert [redis for redis, _ in found] == [memory for _, memory in found]


@given(before=st.integers(0, 60), burst=st.integers(1, 9), gap_s=st.floats(0, 30))
@settings(max_examples=40)
def test_a_new_limit_lets_its_burst_through_and_no_more(
    shared_redis_server: RedisServer, before: int, burst: int, gap_s: float
) -> None:
    """After it begins at once: not less, whatever went before, and not more, in either back end."""

    async def passed() -> list[int]:
        namespace = f"-{next(_NAMESPACES)}"
        free = replace(KEY, limits=Limits(1000))
        held = replace(free, team_bounds=Bounds(Limits(burst)))
        counted = []
        async with redis_counters(shared_redis_server.url, uses_server_time=False) as counters:
            for back_end in (counters, MemoryCounters()):
                number = 0
                kept: list[CounterSet] = []

                async def sent(
                    key: KeyAccess,
                    now_s: float,
                    back_end: Counters = back_end,
                    kept: list[CounterSet] = kept,
                ) -> int:
                    nonlocal number
                    quotas = [
                        replace(each, counter_key=each.counter_key + namespace) for each in rate_quotas(key)
                    ]
                    number += 1
                    kept.append(back_end.counter_set(quotas, now_s))
                    answer = await kept[-1].take(Demand("m", 1, 0), now_s, f"r{number}", now_s + 60)
                    return answer.refused is None

                for _ in range(before):
                    assert await sent(free, BEGIN_S)
                counted.append(sum([await sent(held, BEGIN_S + gap_s) for _ in range(burst + 5)]))
        return counted

    assert asyncio.run(passed()) == [burst, burst]
