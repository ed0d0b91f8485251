"""The decision as a table: what was used, what is asked for, and the answer."""

from datetime import UTC, datetime

import pytest

from key_factory import MakeKey
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.decision import denial_of
from pulumi_groq.policy.limits import (
    Allowance,
    Demand,
    Denial,
    LimitName,
    amount_of,
    highest_levels,
    refusing,
)
from pulumi_groq.policy.messages import ORGANISATION_ID
from pulumi_groq.policy.quotas import counter_keys_of_money, quotas_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEMAND = Demand(model="openai/gpt-oss-20b", tokens=100, cost_micro_usd=50)
EMPTY: dict[LimitName, float] = {
    "cap": 0,
    "budget": 0,
    "requests_per_minute": 0,
    "requests_per_day": 0,
    "tokens_per_minute": 0,
    "tokens_per_day": 0,
}
ALL_LIMITS = {
    "requests_per_minute": 30,
    "requests_per_day": 1000,
    "tokens_per_minute": 8000,
    "tokens_per_day": 200_000,
}
CAP_1000 = OrganisationPolicy(cap_micro_usd=1000, alert_thresholds_micro_usd=(), auto_pause=True)
ALERTS_ONLY = OrganisationPolicy(cap_micro_usd=1000, alert_thresholds_micro_usd=(), auto_pause=False)


def verdict_on(
    key: KeyAccess,
    demand: Demand,
    organisation: OrganisationPolicy | None,
    levels: dict[LimitName, float],
    now: datetime,
    organisation_id: str = ORGANISATION_ID,
    reserved: dict[LimitName, float] | None = None,
) -> Denial | None:
    """The steps of the gateway, on levels that stand still; `reserved` is the part of them held."""
    quotas = quotas_of(key, organisation, now.timestamp())
    amounts = [amount_of(quota, demand) for quota in quotas]
    position = refusing(highest_levels(quotas), amounts, [levels[quota.limit] for quota in quotas])
    if position is None:
        return None
    held = reserved or {}
    return denial_of(
        demand,
        quotas,
        position,
        [levels[quota.limit] for quota in quotas],
        [held.get(quota.limit, 0) for quota in quotas],
        organisation_id,
    )


@pytest.mark.parametrize(
    ("level", "reason", "status", "kind", "code", "retry_after_s"),
    [
        ({}, None, 0, "", "", None),
        ({"requests_per_minute": 29}, None, 0, "", "", None),
        (
            {"requests_per_minute": 29.5},
            "requests_per_minute",
            429,
            "requests",
            "rate_limit_exceeded",
            2,
        ),
        ({"requests_per_minute": 30}, "requests_per_minute", 429, "requests", "rate_limit_exceeded", 2),
        ({"requests_per_day": 1000}, "requests_per_day", 429, "requests", "rate_limit_exceeded", 87),
        ({"tokens_per_minute": 7900}, None, 0, "", "", None),
        ({"tokens_per_minute": 7901}, "tokens_per_minute", 429, "tokens", "rate_limit_exceeded", 1),
        ({"tokens_per_day": 200_000}, "tokens_per_day", 429, "tokens", "rate_limit_exceeded", 44),
        ({"cap": 950, "budget": 450}, None, 0, "", "", None),
        ({"cap": 951}, "cap", 400, "invalid_request_error", "blocked_api_access", None),
        ({"cap": 5000}, "cap", 400, "invalid_request_error", "blocked_api_access", None),
        ({"budget": 451}, "budget", 400, "invalid_request_error", "key_budget_exceeded", None),
        (
            {"cap": 1000, "budget": 500, "requests_per_minute": 30},
            "cap",
            400,
            "invalid_request_error",
            "blocked_api_access",
            None,
        ),
        (
            {"requests_per_minute": 30, "tokens_per_minute": 8000},
            "requests_per_minute",
            429,
            "requests",
            "rate_limit_exceeded",
            2,
        ),
    ],
)
def test_the_first_exhausted_limit_refuses(
    make_key: MakeKey,
    level: dict[LimitName, float],
    reason: str | None,
    status: int,
    kind: str,
    code: str,
    retry_after_s: int | None,
) -> None:
    """Every limit allows up to its last unit, and refuses in its own terms beyond."""
    verdict = verdict_on(make_key(500, **ALL_LIMITS), DEMAND, CAP_1000, {**EMPTY, **level}, NOW)

    if reason is None:
        assert verdict is None
    else:
        assert isinstance(verdict, Denial)
        assert (reason, status, kind, code, retry_after_s) == (
            verdict.reason,
            verdict.status,
            verdict.type,
            verdict.code,
            verdict.retry_after_s,
        )


@pytest.mark.parametrize("organisation", [ALERTS_ONLY, None])
def test_without_auto_pause_the_cap_refuses_nothing(
    make_key: MakeKey, organisation: OrganisationPolicy | None
) -> None:
    """A cap without auto-pause, or none at all, only counts."""
    verdict = verdict_on(make_key(), DEMAND, organisation, {**EMPTY, "cap": 10**12}, NOW)

    assert verdict is None


@pytest.mark.parametrize("limit", ["tokens_per_minute", "tokens_per_day"])
def test_a_request_above_its_limit_is_413(make_key: MakeKey, limit: LimitName) -> None:
    """What can never fit is too large, not too soon."""
    verdict = verdict_on(make_key(**{limit: 99}), DEMAND, None, EMPTY, NOW)

    assert isinstance(verdict, Denial)
    assert (verdict.status, verdict.type, verdict.code, verdict.retry_after_s) == (
        413,
        "tokens",
        "rate_limit_exceeded",
        None,
    )
    assert verdict.message.startswith(
        "Request too large for model `openai/gpt-oss-20b` in organization `org_"
    )
    assert "Limit 99, Requested 100." in verdict.message
    assert "Used" not in verdict.message


def test_the_429_text_keeps_groqs_anchors(make_key: MakeKey) -> None:
    """Order and anchors of the published message, down to the printed wait."""
    demand = Demand(model="m", tokens=2699, cost_micro_usd=0)
    key = make_key(tokens_per_minute=8000)

    verdict = verdict_on(
        key, demand, None, {**EMPTY, "tokens_per_minute": 7197}, NOW, organisation_id="org_01x"
    )

    assert isinstance(verdict, Denial)
    assert verdict.message.startswith(
        "Rate limit reached for model `m` in organization `org_01x` service tier `on_demand` on tokens per "
        "minute (TPM): Limit 8000, Used 7197, Requested 2699. Please try again in 14.219999999s."
    )
    assert verdict.retry_after_s == 15


def test_the_cap_text_says_when_it_reopens(make_key: MakeKey) -> None:
    """The block names the first day of the next month."""
    december = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    verdict = verdict_on(make_key(), DEMAND, CAP_1000, {**EMPTY, "cap": 1000}, december)

    assert isinstance(verdict, Denial)
    assert "or on 2027-01-01 (UTC)" in verdict.message


def test_unlimited_is_not_counted(make_key: MakeKey) -> None:
    """A key without rate limits is only counted in money."""
    assert [quota.limit for quota in quotas_of(make_key(), None, NOW.timestamp())] == ["cap", "budget"]


def test_a_lineage_shares_one_counter(make_key: MakeKey) -> None:
    """The budget's counter is named by lineage and month, not by key."""
    counter_keys = {quota.limit: quota.counter_key for quota in quotas_of(make_key(), None, NOW.timestamp())}

    assert counter_keys == {"cap": "spend:2026-11:organisation", "budget": "spend:2026-11:key_01first"}


@pytest.mark.parametrize(
    ("level", "reserved", "reason", "status", "code"),
    [
        ({"cap": 951}, {"cap": 1}, "cap_reserved", 429, "rate_limit_exceeded"),
        ({"cap": 951}, {"cap": 951}, "cap_reserved", 429, "rate_limit_exceeded"),
        ({"cap": 952}, {"cap": 1}, "cap", 400, "blocked_api_access"),
        ({"budget": 451}, {"budget": 1}, "budget_reserved", 429, "rate_limit_exceeded"),
        ({"budget": 452}, {"budget": 1}, "budget", 400, "key_budget_exceeded"),
        ({"cap": 951, "budget": 451}, {"cap": 1}, "budget", 400, "key_budget_exceeded"),
        ({"cap": 951, "budget": 451}, {"budget": 1}, "cap", 400, "blocked_api_access"),
    ],
)
def test_only_what_is_spent_is_a_lasting_refusal(
    make_key: MakeKey,
    level: dict[LimitName, float],
    reserved: dict[LimitName, float],
    reason: str,
    status: int,
    code: str,
) -> None:
    """Spent plus this worst case above the limit is 400; else reservations stand in the way, which pass."""
    key = make_key(500)
    verdict = verdict_on(key, DEMAND, CAP_1000, {**EMPTY, **level}, NOW, reserved=reserved)

    assert verdict is not None
    assert (verdict.reason, verdict.status, verdict.code) == (reason, status, code)
    assert (verdict.retry_after_s is None) == (status == 400)


def test_a_refusal_by_spending_tells_all_four_figures(make_key: MakeKey) -> None:
    """Limit, spent, reserved, and what this request would reserve, to the last micro-dollar."""
    levels = {**EMPTY, "cap": 990}
    verdict = verdict_on(make_key(500), DEMAND, CAP_1000, levels, NOW, reserved={"cap": 40})

    assert verdict is not None
    assert "Limit $0.001, Spent $0.00095, Reserved $0.00004, Requested $0.00005" in verdict.message
    assert verdict.allowance == Allowance(10, 50, None)


def test_a_batch_costs_each_model_its_part() -> None:
    """A model that it does not name costs nothing of it, nor does another than a single request's."""
    batch = Demand("a", 0, 30, {"a": 10, "b": 20})
    assert [batch.cost_of(model) for model in "abc"] == [10, 20, 0]
    assert [Demand("a", 0, 30).cost_of(model) for model in "ab"] == [30, 0]


def test_a_key_without_a_team_counts_in_no_team(make_key: MakeKey) -> None:
    """Its money is that of the organisation, of its lineage, and of the lineage's model: each by window."""
    alone = counter_keys_of_money("key_01first", None, "m", NOW.timestamp())
    in_team = counter_keys_of_money("key_01first", "chat", "m", NOW.timestamp())

    assert len(alone) == 3 * 4
    assert set(in_team) > set(alone)
    assert len(in_team) == 4 * 4
