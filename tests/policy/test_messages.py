"""Texts of refusals are made for limits of their own kind only."""

import pytest

from pulumi_groq.policy.limits import Allowance, Demand, Quota, Scope, SpendLevel
from pulumi_groq.policy.messages import (
    ORGANISATION_ID,
    rate_limited,
    request_too_large,
    spending_reached,
    spending_reserved,
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
