"""Compiled limits: made anew when something changes, forgotten when nothing is left to remember."""

from dataclasses import replace
from datetime import UTC, datetime

from key_factory import MakeKey
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.metering.compiled_limits import MOST_LOOKED_AT, CompiledLimits, CompiledLimitsByKey
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.limits import Demand
from pulumi_groq.policy.quotas import quotas_of

DEMAND = Demand("m", tokens=100, cost_micro_usd=10)
NOVEMBER_S = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
DECEMBER_S = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


def limits_of(
    limits_by_key: CompiledLimitsByKey,
    key: KeyAccess,
    organisation: OrganisationPolicy | None,
    now_s: float,
    model: str | None = None,
) -> CompiledLimits:
    """The limits in force, made where they are not yet."""
    found = limits_by_key.find(key, organisation, model, now_s)
    if found is not None:
        return found
    quotas = quotas_of(key, organisation, now_s, model)
    return limits_by_key.make(key, organisation, model, quotas, now_s)


def test_limits_are_compiled_once(make_key: MakeKey) -> None:
    """As long as key, policy and month stay."""
    limits_by_key = CompiledLimitsByKey(MemoryCounters())
    key = make_key(tokens_per_minute=1000)

    assert limits_of(limits_by_key, key, None, NOVEMBER_S) is limits_of(
        limits_by_key, key, None, NOVEMBER_S + 9.0
    )


async def test_what_changes_is_in_force_at_once_and_keeps_its_levels(make_key: MakeKey) -> None:
    """A key's limit, the policy, the month: the next request is held to the new ones."""
    limits_by_key = CompiledLimitsByKey(MemoryCounters())
    key = make_key(tokens_per_minute=1000)
    await limits_of(limits_by_key, key, None, NOVEMBER_S).counters.take(
        DEMAND, NOVEMBER_S, "r", NOVEMBER_S + 900.0
    )
    raised = replace(key, limits=replace(key.limits, tokens_per_minute=5000))
    policy = OrganisationPolicy(cap_micro_usd=10, alert_thresholds_micro_usd=(), auto_pause=True)

    limits = limits_of(limits_by_key, raised, policy, DECEMBER_S)
    position, levels, _ = await limits.counters.take(DEMAND, NOVEMBER_S, "r", 900.0)

    assert position is None
    assert {quota.limit: quota.ceiling for quota in limits.quotas} == {
        "cap": 10,
        "budget": None,
        "tokens_per_minute": 5000,
    }
    assert levels == [10, 10, 200]


async def test_a_request_under_a_former_limit_does_not_set_a_new_one_back(make_key: MakeKey) -> None:
    """It began before the key was limited and is admitted after others were counted."""
    limits_by_key = CompiledLimitsByKey(MemoryCounters())
    former = make_key()
    limited = make_key(requests_per_minute=2)
    admitted = 0
    for _ in range(5):
        position, *_ = await limits_of(limits_by_key, limited, None, NOVEMBER_S).counters.take(
            DEMAND, NOVEMBER_S, "r", NOVEMBER_S + 900.0
        )
        admitted += position is None
        limits_of(limits_by_key, former, None, NOVEMBER_S)
        limits_by_key.forget_idle(NOVEMBER_S)

    assert admitted == 2


async def test_limits_that_were_replaced_are_forgotten_once_idle(make_key: MakeKey) -> None:
    """However often a key changes."""
    counters = MemoryCounters()
    limits_by_key = CompiledLimitsByKey(counters)
    for limit in range(1, 100):
        limits_of(limits_by_key, make_key(tokens_per_minute=limit), None, NOVEMBER_S)
    await limits_of(limits_by_key, make_key(requests_per_minute=9), None, NOVEMBER_S).counters.take(
        DEMAND, NOVEMBER_S, "r", NOVEMBER_S + 900.0
    )
    limits_by_key.forget_idle(NOVEMBER_S)
    kept = counters.bucket_count
    limits_by_key.forget_idle(NOVEMBER_S + 60.0)

    assert (kept, counters.bucket_count) == (1, 0)


async def test_idle_keys_are_forgotten_a_bounded_number_at_a_time(make_key: MakeKey) -> None:
    """Memory follows the keys in use; no round keeps requests waiting for long."""
    counters = MemoryCounters()
    limits_by_key = CompiledLimitsByKey(counters)
    for number in range(MOST_LOOKED_AT + 100):
        key = make_key(f"key_{number}", tokens_per_minute=1000)
        counter_set = limits_of(limits_by_key, key, None, NOVEMBER_S).counters
        if number < 50:
            await counter_set.take(DEMAND, NOVEMBER_S, "r", NOVEMBER_S + 900.0)
    del counter_set
    counts = []
    for _ in range(3):
        limits_by_key.forget_idle(NOVEMBER_S + 3600.0)
        counts.append(counters.bucket_count)

    assert counts == [150, 50, 50]


def test_a_key_that_was_forgotten_comes_back(make_key: MakeKey) -> None:
    """Its next request finds empty counters, which is what it left."""
    limits_by_key = CompiledLimitsByKey(MemoryCounters())
    key = make_key(tokens_per_minute=1000)
    first = limits_of(limits_by_key, key, None, NOVEMBER_S)
    limits_by_key.forget_idle(NOVEMBER_S)
    second = limits_of(limits_by_key, key, None, NOVEMBER_S)
    limits_by_key.forget_idle(NOVEMBER_S)

    assert second is not first
    assert limits_of(limits_by_key, key, None, NOVEMBER_S) is not second
