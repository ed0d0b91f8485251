"""Limits of teams, of windows and of single models: who refuses, in which words, and what is given back."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from key_factory import MakeKey
from metering_bench import Bench, used
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.limits import Demand, Denial

MODEL = "openai/gpt-oss-20b"


def reason(answer: Reservation | Denial) -> str:
    return answer.reason if isinstance(answer, Denial) else ""


def in_team(key: KeyAccess, *budgets: Budget, **limits: int) -> KeyAccess:
    return replace(key, team_bounds=Bounds(Limits(**limits), budgets))


def for_model(key: KeyAccess, *budgets: Budget, **limits: int) -> KeyAccess:
    return replace(key, model_bounds={MODEL: Bounds(Limits(**limits), budgets)})


@pytest.mark.parametrize(
    "limits",
    [
        {"requests_per_minute": 2},
        {"requests_per_day": 2},
        {"max_parallel_requests": 2},
        {"tokens_per_minute": 200},
        {"tokens_per_day": 200},
    ],
)
async def test_keys_of_a_team_share_its_limits(
    bench: Bench, make_key: MakeKey, limits: dict[str, int]
) -> None:
    """What one takes the other lacks; the text and the reason say that it is the team's."""
    service = bench.open()
    one, other = (in_team(make_key(f"key_{name}"), **limits) for name in "ab")
    for key in (one, other):
        assert reason(await bench.admit(service, key)) == ""
    denial = await bench.admit(service, one)

    assert isinstance(denial, Denial)
    assert denial.reason == f"team_{next(iter(limits))}"
    assert (denial.status, denial.code) == (429, "rate_limit_exceeded")
    assert "This is the limit of the team `chat`, which its keys share, at the gateway" in denial.message
    assert reason(await bench.admit(service, replace(make_key("key_c"), team=None))) == ""


async def test_a_key_within_its_team_is_held_to_its_own_limit_first(bench: Bench, make_key: MakeKey) -> None:
    """The key's own refuses before its team's, and the headers show the one that has the least left."""
    service = bench.open()
    small = in_team(make_key("key_a", requests_per_day=1), requests_per_day=5)
    large = in_team(make_key("key_b", requests_per_day=100), requests_per_day=5)
    assert reason(await bench.admit(service, small)) == ""
    assert reason(await bench.admit(service, small)) == "requests_per_day"
    answer = await bench.admit(service, large)

    assert isinstance(answer, Reservation)
    headers = dict(answer.headers)
    assert headers[b"x-ratelimit-limit-requests"] == b"5"
    assert headers[b"x-ratelimit-remaining-requests"] == b"3"


async def test_limits_of_a_model_hold_for_that_model_alone(bench: Bench, make_key: MakeKey) -> None:
    """Other models of the key go on, and so does the key's own bucket."""
    service = bench.open()
    key = for_model(make_key(requests_per_minute=10), requests_per_minute=1)
    assert reason(await bench.admit(service, key)) == ""
    denial = await bench.admit(service, key)
    other = await service.metering.admit(key, Demand("llama-3.1-8b-instant", 10, 10), "req_other")

    assert isinstance(denial, Denial)
    assert denial.reason == "model_requests_per_minute"
    assert f"the limit of this API key for the model `{MODEL}` at the gateway" in denial.message
    assert isinstance(other, Reservation)


@pytest.mark.parametrize(
    ("per", "label", "reopens"),
    [
        ("hour", "hourly budget of {team} for 2026-11-23T12", "at 2026-11-23 13:00"),
        ("day", "daily budget of {team} for 2026-11-23", "on 2026-11-24"),
        ("week", "weekly budget of {team} for 2026-W48", "on 2026-11-30"),
        ("month", "monthly budget of {team} for 2026-11", "on 2026-12-01"),
    ],
)  # fmt: skip
async def test_a_refusal_by_a_budget_says_whose_which_window_and_when_it_ends(
    bench: Bench, make_key: MakeKey, per: str, label: str, reopens: str
) -> None:
    """With all four figures, as those of the month's budget and the cap."""
    service = bench.open()
    key = in_team(make_key(), Budget(per, 50))  # type: ignore[arg-type]
    await bench.spend(service, key, 30)
    running = await bench.admit(service, key, cost=15)
    denial = await bench.admit(service, key, cost=21)

    assert isinstance(running, Reservation)
    assert isinstance(denial, Denial)
    assert (denial.status, denial.code) == (400, "team_budget_exceeded")
    assert denial.reason == ("team_budget" if per == "month" else f"team_budget_{per}")
    label = label.format(team="the team `chat`, which its keys share,")
    assert denial.message == (
        f"The {label} is used up, or this request could exceed it: Limit $0.00005, Spent $0.00003, "
        f"Reserved $0.000015, Requested $0.000021. It reopens when the budget is raised, or {reopens} (UTC)."
    )
    reserved = await bench.admit(service, key, cost=10)
    assert isinstance(reserved, Denial)
    assert (reserved.status, reserved.reason) == (429, f"{denial.reason}_reserved")


async def test_budgets_of_the_organisation_hold_all_keys(bench: Bench, make_key: MakeKey) -> None:
    """In Groq's terms, as its cap; without auto-pause they refuse nothing."""
    policy = OrganisationPolicy(10**9, (), auto_pause=True, budgets=(Budget("hour", 50),))
    bench.directory.organisation = policy
    service = bench.open()
    await bench.spend(service, make_key("key_a"), 50)
    denial = await bench.admit(service, make_key("key_b"), cost=1)

    assert isinstance(denial, Denial)
    assert (denial.status, denial.code, denial.reason) == (400, "blocked_api_access", "cap_hour")
    assert "the organization's hourly spend cap for 2026-11-23T12 is reached" in denial.message
    assert not service.usage.cap_has_refused(bench.clock.now(), 10**9)
    bench.directory.organisation = replace(policy, auto_pause=False)
    assert reason(await bench.admit(service, make_key("key_b"), cost=1)) == ""


async def test_of_several_spent_budgets_the_one_that_lasts_longest_is_told(
    bench: Bench, make_key: MakeKey
) -> None:
    """Who waits for the hour to end would only meet the day's."""
    service = bench.open()
    key = replace(make_key(), budgets=(Budget("hour", 10), Budget("day", 10)))
    await bench.spend(service, key, 10)

    assert reason(await bench.admit(service, key, cost=1)) == "budget_day"


@pytest.mark.parametrize(
    ("per", "last_second"),
    [
        ("hour", "2026-11-26T12:59:59+00:00"),
        ("day", "2026-11-26T23:59:59+00:00"),
        ("week", "2026-11-29T23:59:59+00:00"),
        ("month", "2026-11-30T23:59:59+00:00"),
    ],
)
async def test_a_request_over_the_border_is_settled_in_the_window_that_it_was_taken_in(
    bench: Bench, make_key: MakeKey, per: str, last_second: str
) -> None:
    """Also of 200 at once at the border: those before it share the old window, those after it the new one."""
    service = bench.open()
    key = make_key(budget=100)
    if per != "month":
        key = replace(make_key(), budgets=(Budget(per, 100),))  # type: ignore[arg-type]
    bench.clock.time = datetime.fromisoformat(last_second)
    before = await asyncio.gather(*(bench.admit(service, key, cost=10) for _ in range(100)))
    bench.clock.advance(seconds=1)
    after = await asyncio.gather(*(bench.admit(service, key, cost=10) for _ in range(100)))
    assert [sum(isinstance(each, Reservation) for each in some) for some in (before, after)] == [10, 10]

    for each in before:
        if isinstance(each, Reservation):
            await service.metering.settle(each, used(0), 200)
    assert reason(await bench.admit(service, key, cost=1)) != ""
    for each in after:
        if isinstance(each, Reservation):
            await service.metering.settle(each, used(5), 200)
    assert reason(await bench.admit(service, key, cost=50)) == ""
    assert reason(await bench.admit(service, key, cost=1)) != ""


async def test_a_team_that_gets_a_limit_counts_at_once(bench: Bench, make_key: MakeKey) -> None:
    """A key that moves leaves its team's spend behind, also over a restart on the same day."""
    service = bench.open()
    budget = Budget("day", 100)
    await bench.spend(service, in_team(make_key("key_a")), 60)
    moved = replace(make_key("key_a"), team="other", team_bounds=Bounds(Limits(), (budget,)))
    await bench.spend(service, moved, 30)
    await service.upkeep()
    service.ledger.close()
    service = bench.open()

    assert reason(await bench.admit(service, moved, cost=71)) == "team_budget_day"
    assert reason(await bench.admit(service, moved, cost=70)) == ""
    stayed = in_team(make_key("key_b"), budget)
    assert reason(await bench.admit(service, stayed, cost=41)) == "team_budget_day"
    assert reason(await bench.admit(service, stayed, cost=40)) == ""


async def test_a_budget_of_the_day_knows_after_a_restart_what_its_earlier_hours_cost(
    bench: Bench, make_key: MakeKey
) -> None:
    """And a budget of the hour only what this hour did."""
    key = replace(make_key(), budgets=(Budget("hour", 100), Budget("day", 150)))
    service = bench.open()
    await bench.spend(service, key, 90)
    bench.clock.advance(hours=2)
    await bench.spend(service, key, 20)
    await service.upkeep()
    service = bench.open()

    assert reason(await bench.admit(service, key, 41)) == "budget_day"
    assert reason(await bench.admit(service, key, 40)) == ""
    assert reason(await bench.admit(service, key, 41)) in {"budget_hour_reserved", "budget_day"}


async def test_a_budget_of_a_model_that_is_set_in_mid_month_holds_nothing_of_other_models(
    bench: Bench, make_key: MakeKey
) -> None:
    """What runs at that moment counts where it is of that model, and nowhere else."""
    service = bench.open()
    key = make_key()
    assert reason(await bench.admit(service, key, 50)) == ""
    other = "openai/gpt-oss-120b"
    bounded = replace(
        key,
        model_bounds={model: Bounds(Limits(), (Budget("month", 60),)) for model in (MODEL, other)},
    )

    assert reason(await service.metering.admit(bounded, Demand(other, 0, 60), "req_other")) == ""
    assert reason(await bench.admit(service, bounded, 11)) == "model_budget_reserved"
