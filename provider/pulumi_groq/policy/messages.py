"""The texts of refusals. Clients parse Groq's anchors (`Limit`, `Used`, `Requested`, `try again in`)."""

import math
from decimal import Decimal
from typing import Final

from pulumi_groq.models.fields import json_number, usd
from pulumi_groq.policy.bucket import wait_s
from pulumi_groq.policy.go_duration import go_duration
from pulumi_groq.policy.limits import LimitName, Quota, amount_of
from pulumi_groq.policy.metering import Demand, Denial
from pulumi_groq.policy.spend import next_month

ORGANISATION_ID: Final = "org_01000000000000000000000000"
"""The gateway's own organisation, in the place where Groq's texts name theirs."""

SERVICE_TIER: Final = "on_demand"
LONGEST_MODEL_SHOWN: Final = 200

_UNITS: Final[dict[LimitName, tuple[str, str]]] = {
    "requests_per_minute": ("requests", "requests per minute (RPM)"),
    "requests_per_day": ("requests", "requests per day (RPD)"),
    "tokens_per_minute": ("tokens", "tokens per minute (TPM)"),
    "tokens_per_day": ("tokens", "tokens per day (TPD)"),
}


def rate_limited(demand: Demand, quota: Quota, used: int, organisation_id: str) -> Denial:
    """429: the bucket is too full for now. `retry_after_s` is the printed wait, rounded up."""
    limit, window_s = _bounds(quota)
    requested = amount_of(quota, demand)
    wait = wait_s(used=used, requested=requested, limit=limit, window_s=window_s)
    kind, unit = _UNITS[quota.limit]
    return Denial(
        status=429,
        type=kind,
        code="rate_limit_exceeded",
        message=(
            f"Rate limit reached for {_place(demand.model, organisation_id)} on {unit}: "
            f"Limit {limit}, Used {used}, Requested {requested}. "
            f"Please try again in {go_duration(wait)}. This is the limit of this API key at the gateway."
        ),
        retry_after_s=math.ceil(wait),
        reason=quota.limit,
    )


def request_too_large(demand: Demand, quota: Quota, organisation_id: str) -> Denial:
    """413: one request above the limit itself, so that waiting does not help."""
    limit, _ = _bounds(quota)
    kind, unit = _UNITS[quota.limit]
    return Denial(
        status=413,
        type=kind,
        code="rate_limit_exceeded",
        message=(
            f"Request too large for {_place(demand.model, organisation_id)} on {unit}: "
            f"Limit {limit}, Requested {amount_of(quota, demand)}. "
            "Send a shorter prompt or a smaller max_completion_tokens."
        ),
        reason=f"{quota.limit}_too_large",
    )


def cap_reached(month: str) -> Denial:
    """400: the organisation's cap leaves no room for the request, and auto-pause is on."""
    return Denial(
        status=400,
        type="invalid_request_error",
        code="blocked_api_access",
        message=(
            "API access is blocked: the organization's spend cap for "
            f"{month} is reached, or this request could exceed it. "
            f"It reopens when the cap is raised, or on {next_month(month)} (UTC)."
        ),
        reason="cap",
    )


def budget_reached(month: str, budget_micro_usd: int) -> Denial:
    """400: the key's own monthly budget leaves no room for the request. Groq knows no such budget."""
    return Denial(
        status=400,
        type="invalid_request_error",
        code="key_budget_exceeded",
        message=(
            f"The monthly budget of this API key ({_dollars(usd(budget_micro_usd))}) is used up for "
            f"{month}, or this request could exceed it. "
            f"It reopens when the budget is raised, or on {next_month(month)} (UTC)."
        ),
        reason="budget",
    )


def model_not_available(model: str) -> Denial:
    """403: the model is outside what the key and its team allow."""
    return Denial(
        status=403,
        type="permissions_error",
        code="model_not_available",
        message=(
            f"The model `{model[:LONGEST_MODEL_SHOWN]}` is not available to this API key. "
            "GET /openai/v1/models lists those that are."
        ),
        reason="model_not_available",
    )


def store_unavailable() -> Denial:
    """503: spending cannot be recorded, so nothing may be spent."""
    return Denial(
        status=503,
        type="internal_server_error",
        code="store_unavailable",
        message="The gateway cannot record spending at the moment. Try again shortly.",
        retry_after_s=1,
        reason="store_unavailable",
    )


def _place(model: str, organisation_id: str) -> str:
    return (
        f"model `{model[:LONGEST_MODEL_SHOWN]}` in organization `{organisation_id}` "
        f"service tier `{SERVICE_TIER}`"
    )


def _bounds(quota: Quota) -> tuple[int, int]:
    if quota.ceiling is None or quota.window_s is None:
        raise ValueError(f"{quota.limit} is not a rate limit")
    return quota.ceiling, quota.window_s


def _dollars(amount: Decimal) -> str:
    return f"${json_number(amount)}"
