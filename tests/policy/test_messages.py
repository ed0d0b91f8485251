"""Texts of refusals: which numbers and advice they hold, and that each is of limits of its own kind."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

import pytest

from fake_clock import NOON
from pulumi_groq.policy.limits import ORGANISATION, Allowance, Demand, Quota, Scope, SpendLevel
from pulumi_groq.policy.messages import (
    LONGEST_MODEL_SHOWN,
    ORGANISATION_ID,
    Pause,
    Scarcity,
    key_paused,
    model_not_available,
    organisation_ceiling,
    owner_of,
    rate_limited,
    rates_unavailable,
    request_too_large,
    spending_reached,
    spending_reserved,
    store_unavailable,
)
from pulumi_groq.policy.windows import window_at

RATE = Quota("requests_per_minute", "rpm:k", "requests", 30, 60)
BUDGET = Quota("budget", "spend:k", "micro_usd", 1_000, None, Scope("k"), window_at("month", 1_795_000_000))
DEMAND = Demand("openai/gpt-oss-20b", tokens=100, cost_micro_usd=50)


def test_a_rate_limit_is_never_refused_in_the_words_of_money() -> None:
    """No window of it ends: a time at which it reopens would be made up."""
    level = SpendLevel(RATE, limit_micro_usd=30, spent_micro_usd=30, reserved_micro_usd=0)
    for refuse in (spending_reached, spending_reserved):
        with pytest.raises(ValueError, match="requests_per_minute is no limit of money"):
            refuse(level, 1, Allowance(0, 0, None))


def test_money_is_never_refused_in_the_words_of_a_rate_limit() -> None:
    """It does not drain: a wait after which the request fits would be made up."""
    with pytest.raises(ValueError, match="budget is not a rate limit"):
        rate_limited(DEMAND, BUDGET, 1_000, ORGANISATION_ID)
    with pytest.raises(ValueError, match="budget is not a rate limit"):
        request_too_large(DEMAND, BUDGET, ORGANISATION_ID)


@pytest.mark.parametrize(
    ("unit", "wait_s", "said", "retry_after_s"),
    [
        ("tokens", 3.2, "tokens per minute (TPM): Limit 6000, Used 5900, Requested 100", 4),
        ("requests", 0.01, "requests per day (RPD): Limit 6000, Used 5900, Requested 1", 1),
        ("requests", 7_200.0, "requests per day (RPD): Limit 6000, Used 5900, Requested 1", 60),
    ],
)
def test_a_refusal_for_the_organisations_own_limit_says_whose_it_is(
    unit: Literal["tokens", "requests"], wait_s: float, said: str, retry_after_s: int
) -> None:
    """With the key's share; nobody is sent away for longer than the official clients obey, or for nothing."""
    denial = organisation_ceiling("key_01a", DEMAND, unit, Scarcity(6_000, 5_900, 1_500, 1_450, wait_s))

    assert (denial.status, denial.type, denial.reason) == (429, unit, "organisation_ceiling")
    assert said in denial.message
    assert "not of this API key: while it is near" in denial.message
    assert "That of this API key is 1500, of which it has had 1450." in denial.message
    assert denial.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("resumes_at", "said"),
    [
        (None, "It goes on when it is resumed with `pulumi-groq keys resume key_01a`"),
        (NOON, "It goes on at 2026-11-23T12:00:00Z, or before when it is resumed with"),
    ],
)
def test_a_paused_key_says_how_it_goes_on(resumes_at: datetime | None, said: str) -> None:
    """By itself at a time, and by whom before that; it is no 429, which clients answer by trying again."""
    denial = key_paused("key_01a", Pause(NOON, 27_300_000, 25_000_000, resumes_at))

    assert (denial.status, denial.retry_after_s) == (400, None)
    assert "it spent $27.3 within 10 minutes, where $25 are allowed" in denial.message
    assert said in denial.message


def test_a_model_that_a_caller_made_up_does_not_fill_the_answer() -> None:
    """Its name is cut."""
    denial = model_not_available("key_01a", "m" * 10_000)
    assert denial.status == 403
    assert len(denial.message) < LONGEST_MODEL_SHOWN + 200


@pytest.mark.parametrize(
    "said",
    [
        organisation_ceiling("wid_01a", DEMAND, "tokens", Scarcity(6_000, 5_900, 1_500, 1_450, 1.0)).message,
        model_not_available("wid_01a", "m").message,
        key_paused("wid_01a", Pause(NOON, 27_300_000, 25_000_000, None)).message,
        owner_of("wid_01a"),
    ],
)
def test_a_workload_identity_is_called_so_by_all_that_it_is_refused(said: str) -> None:
    """It has no API key whose owner could be asked."""
    assert "this workload identity" in said.lower()
    assert "API key" not in said


def test_what_cannot_be_counted_or_recorded_is_worth_another_try() -> None:
    """It is the gateway's trouble, and short: official clients come back by themselves."""
    denials = [store_unavailable(), rates_unavailable()]
    assert [(each.status, each.retry_after_s) for each in denials] == [(503, 1), (503, 1)]
    assert len({each.code for each in denials}) == 2


def test_a_refusal_by_a_rate_says_whose_limit_it_is() -> None:
    """The key's, the key's for a model, an identity's, its team's; where it names none, everybody's."""
    scopes = {
        "the organization": ORGANISATION,
        "this API key": Scope("k"),
        "this API key for the model `m`": Scope("k", model="m"),
        "this workload identity": Scope("wid_k"),
        "the team `chat`, which its keys share,": Scope(team="chat"),
    }
    for whose, scope in scopes.items():
        denial = rate_limited(DEMAND, replace(RATE, scope=scope), 30, ORGANISATION_ID)
        assert f"This is the limit of {whose} at the gateway." in denial.message
