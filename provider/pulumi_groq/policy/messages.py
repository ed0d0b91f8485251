"""The texts of refusals. Clients parse Groq's keywords (`Limit`, `Used`, `Requested`, `try again in`)."""

import math
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from pulumi_groq.models.budgets import Per
from pulumi_groq.models.fields import wire_time
from pulumi_groq.models.workload_identity import is_identity_id
from pulumi_groq.policy.limits import (
    ORGANISATION,
    Allowance,
    Demand,
    Denial,
    LimitName,
    Quota,
    SpendLevel,
    amount_of,
    go_duration,
    wait_s,
)
from pulumi_groq.policy.roles import holders
from pulumi_groq.policy.windows import DAY_S

ORGANISATION_ID: Final = "org_01000000000000000000000000"
"""The gateway's own organisation, where Groq's texts name the caller's."""

SERVICE_TIER: Final = "on_demand"
LONGEST_MODEL_SHOWN: Final = 200
MICRO_PER_USD: Final = 1_000_000
RESERVED_RETRY_S: Final = 5
"""When to come back if running requests stand in the way: about as long as an answer takes, and below
the 60 s up to which the official clients obey (groq-api.md, section 2).
"""

RUNNING_RETRY_S: Final = 1
"""When to come back if as many requests run as may: a place is free as soon as the first of them ends."""

LONGEST_WAIT_S: Final = 60.0
"""Shares change with whoever else asks, so nobody is sent away for longer than the official clients obey."""

_UNITS: Final[dict[LimitName, tuple[str, str]]] = {
    "requests_per_minute": ("requests", "requests per minute (RPM)"),
    "requests_per_day": ("requests", "requests per day (RPD)"),
    "tokens_per_minute": ("tokens", "tokens per minute (TPM)"),
    "tokens_per_day": ("tokens", "tokens per day (TPD)"),
}

_ADJECTIVES: Final[dict[Per, str]] = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}


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
            f"Please try again in {go_duration(wait)}. This is the limit of {_whose(quota)} at the gateway."
        ),
        retry_after_s=math.ceil(wait),
        reason=quota.reason,
    )


def too_many_running(demand: Demand, quota: Quota, running: int, organisation_id: str) -> Denial:
    """429: as many requests run as may. Groq knows no such limit; the words are those of its others."""
    return Denial(
        status=429,
        type="requests",
        code="rate_limit_exceeded",
        message=(
            f"Rate limit reached for {_place(demand.model, organisation_id)} on parallel requests: "
            f"Limit {quota.ceiling}, Used {running}, Requested 1. Please try again in {RUNNING_RETRY_S}s, or "
            f"when one of them has ended. This is the limit of {_whose(quota)} at the gateway "
            "(max_parallel_requests)."
        ),
        retry_after_s=RUNNING_RETRY_S,
        reason=quota.reason,
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
            "Send a shorter prompt or a smaller max_completion_tokens. "
            f"This is the limit of {_whose(quota)} at the gateway."
        ),
        reason=f"{quota.reason}_too_large",
    )


def spending_reached(level: SpendLevel, cost_micro_usd: int, allowance: Allowance) -> Denial:
    """400: what is spent leaves too little for the request's worst case, so that waiting does not help
    before the window ends. Of the organisation in Groq's terms; Groq knows no budgets.
    """
    scope, figures = level.quota.scope, _figures(level, cost_micro_usd)
    if scope == ORGANISATION:
        code = "blocked_api_access"
        reached = f"API access is blocked: the {_limit(level.quota)} is reached"
    else:
        code = "team_budget_exceeded" if scope.team is not None else "key_budget_exceeded"
        reached = f"The {_limit(level.quota)} is used up"
    message = (
        f"{reached}, or this request could exceed it: {figures}. "
        f"It reopens when the {level.quota.limit} is raised, or {_time(level.until_s)} (UTC)."
    )
    reason = level.quota.reason
    return Denial(400, "invalid_request_error", code, message, reason=reason, allowance=allowance)


def spending_reserved(level: SpendLevel, cost_micro_usd: int, allowance: Allowance) -> Denial:
    """429: only what running requests have reserved stands in the way. Its code is that of a full rate
    limit, so that clients wait and try again.
    """
    return Denial(
        status=429,
        type="spend",
        code="rate_limit_exceeded",
        message=(
            f"The {_limit(level.quota)} does not admit this request while others are running: "
            f"{_figures(level, cost_micro_usd)}. Please try again in {RESERVED_RETRY_S}s."
        ),
        retry_after_s=RESERVED_RETRY_S,
        reason=f"{level.quota.reason}_reserved",
        allowance=allowance,
    )


class Scarcity(NamedTuple):
    """A limit of the upstream that is near, in its own unit: how full it is, what the key may have of it
    within the limit's window, what it has had, and when there is room for it again.
    """

    limit: int
    used: int
    may_have: int
    had: int
    wait_s: float


def organisation_ceiling(
    holder_id: str, demand: Demand, unit: Literal["tokens", "requests"], scarcity: Scarcity
) -> Denial:
    """429: the organisation's own limit at the upstream is near, and the holder has had its share of it."""
    holder = kind_of(holder_id)
    limit_name: LimitName = "tokens_per_minute" if unit == "tokens" else "requests_per_day"
    requested = demand.tokens if unit == "tokens" else 1
    wait_s = min(max(scarcity.wait_s, 1.0), LONGEST_WAIT_S)
    return Denial(
        status=429,
        type=unit,
        code="rate_limit_exceeded",
        message=(
            f"Rate limit reached for {_place(demand.model, ORGANISATION_ID)} on {_UNITS[limit_name][1]}: "
            f"Limit {scarcity.limit}, Used {scarcity.used}, Requested {requested}. Please try again in "
            f"{go_duration(wait_s)}. This is the limit of the organisation at the upstream, not of this "
            f"{holder}: while it is near, each is held to its share. "
            f"That of this {holder} is {scarcity.may_have}, of which it has had {scarcity.had}."
        ),
        retry_after_s=math.ceil(wait_s),
        reason="organisation_ceiling",
    )


class Pause(NamedTuple):
    """Why a key is paused: what it spent in ten minutes, and what it may. It may go on by itself."""

    since: datetime
    spent_micro_usd: int
    allowed_micro_usd: int
    resumes_at: datetime | None


def key_paused(holder_id: str, pause: Pause) -> Denial:
    """400: the spend of a key, or of a workload identity, ran away. Not 429, which clients answer by trying
    again.
    """
    by_itself = f"at {wire_time(pause.resumes_at)}, or before " if pause.resumes_at is not None else ""
    return Denial(
        status=400,
        type="invalid_request_error",
        code="key_paused_runaway",
        message=(
            f"This {kind_of(holder_id)} is paused since {wire_time(pause.since)}: it spent "
            f"{_dollars(pause.spent_micro_usd)} within 10 minutes, where {_dollars(pause.allowed_micro_usd)} "
            f"are allowed. It goes on {by_itself}when it is resumed with "
            f"`pulumi-groq keys resume {holder_id}`, which takes {holders('keys.resume', 'its team')}."
        ),
        reason="key_paused_runaway",
    )


def model_not_available(holder_id: str, model: str) -> Denial:
    """403: the model is outside what the holder and its team allow."""
    return Denial(
        status=403,
        type="permissions_error",
        code="model_not_available",
        message=(
            f"The model `{model[:LONGEST_MODEL_SHOWN]}` is not available to this {kind_of(holder_id)}. "
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


def rates_unavailable() -> Denial:
    """503: the shared counters of rate limits are out, and nothing is to pass without them."""
    return Denial(
        status=503,
        type="internal_server_error",
        code="counters_unavailable",
        message="The gateway cannot count requests at the moment. Try again shortly.",
        retry_after_s=1,
        reason="counters_unavailable",
    )


def _place(model: str, organisation_id: str) -> str:
    named = f"model `{model[:LONGEST_MODEL_SHOWN]}`" if model else "all models"
    return f"{named} in organization `{organisation_id}` service tier `{SERVICE_TIER}`"


def _whose(quota: Quota) -> str:
    lineage_id, team, model = quota.scope
    if team is not None:
        return f"the team `{team}`, which its keys share,"
    if lineage_id is None:
        return "the organization"
    who = f"this {kind_of(lineage_id)}"
    return who if model is None else f"{who} for the model `{model}`"


def kind_of(holder_id: str) -> str:
    """What refusals call the holder of limits with this id, which is a lineage's or a workload identity's."""
    return "workload identity" if is_identity_id(holder_id) else "API key"


def owner_of(lineage_id: str) -> str:
    """Whose files and batches those of this lineage, or workload identity, are."""
    kind = kind_of(lineage_id)
    return f"this {kind}" if is_identity_id(lineage_id) else f"this {kind}'s lineage"


def _limit(quota: Quota) -> str:
    """A limit of money, and its window."""
    if quota.window is None:
        raise ValueError(f"{quota.limit} is no limit of money")
    adjective, label = _ADJECTIVES[quota.window.per], quota.window.label
    if quota.scope != ORGANISATION:
        return f"{adjective} budget of {_whose(quota)} for {label}"
    return f"organization's {'' if quota.window.per == 'month' else f'{adjective} '}spend cap for {label}"


def _time(unix_s: int) -> str:
    """`on 2026-12-01`, or `at 2026-11-26 05:00` where that is no midnight."""
    at = datetime.fromtimestamp(unix_s, UTC)
    return f"at {at:%Y-%m-%d %H:%M}" if unix_s % DAY_S else f"on {at:%Y-%m-%d}"


def _bounds(quota: Quota) -> tuple[int, int]:
    if quota.ceiling is None or quota.window_s is None:
        raise ValueError(f"{quota.limit} is not a rate limit")
    return quota.ceiling, quota.window_s


def _figures(level: SpendLevel, cost_micro_usd: int) -> str:
    """The figures behind a refusal; a worst case is reserved, and what is not used of it is given back."""
    return (
        f"Limit {_dollars(level.limit_micro_usd)}, Spent {_dollars(level.spent_micro_usd)}, "
        f"Reserved {_dollars(level.reserved_micro_usd)}, Requested {_dollars(cost_micro_usd)}"
    )


def _dollars(amount_micro_usd: int) -> str:
    """All digits, without an exponent."""
    whole, fraction = divmod(amount_micro_usd, MICRO_PER_USD)
    return f"${whole}.{fraction:06d}".rstrip("0").rstrip(".")
