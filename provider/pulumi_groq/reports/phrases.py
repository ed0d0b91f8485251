"""Settings in words, with their units: the same phrases in previews, findings and validations."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pulumi_groq.models.budgets import Budget, ModelLimits, Per
from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.models.runaway import RunawayGuard

LABELS: Final = {
    "name": "name",
    "team_name": "team name",
    "team": "team",
    "role": "role",
    "teams": "teams",
    "issuer": "issuer",
    "audience": "audience",
    "claims": "claims",
    "claim_patterns": "claim patterns",
    "credential_minutes": "minutes of a credential",
    "admin_role": "role",
    "role_teams": "teams of the role",
    "allowed_models": "models",
    "allowed_tools": "tools",
    "upstream_key": "upstream key",
    "requests_per_minute": "requests per minute",
    "tokens_per_minute": "tokens per minute",
    "requests_per_day": "requests per day",
    "tokens_per_day": "tokens per day",
    "max_parallel_requests": "parallel requests",
    "monthly_budget_usd": "monthly budget",
    "budgets": "budgets",
    "model_limits": "limits by model",
    "runaway": "runaway guard",
    "share": "share of the upstream's limits",
    "expires_at": "expiry",
    "disabled": "disabled",
    "metadata": "metadata",
    "rotation": "rotation",
    "rotation_due": "due in this run",
    "allow_delete_in_use": "may be deleted in use",
    "managed_by": "managed by",
    "monthly_cap_usd": "monthly cap",
    "alert_thresholds_usd": "alerts",
    "auto_pause": "auto-pause",
    "alert_webhook_urls": "alert webhooks",
    "alert_webhook_signing_secret": "webhook signing secret",
}
"""Field -> what people call it, in the order in which reports list fields."""

_UNITS: Final = {
    "requests_per_minute": "requests/min",
    "tokens_per_minute": "tokens/min",
    "requests_per_day": "requests/day",
    "tokens_per_day": "tokens/day",
    "max_parallel_requests": "parallel requests",
}
LIMITS: Final = tuple(_UNITS)
WINDOWS: Final[dict[Per, str]] = {
    "hour": "this hour",
    "day": "today",
    "week": "this week",
    "month": "this month",
}
"""The window of a budget that runs."""

_UNSET: Final = {
    "monthly_budget_usd": "none of its own",
    "expires_at": "never",
    "monthly_cap_usd": "no cap",
    "alert_thresholds_usd": "none",
    "rotation": "none",
    "rotation_due": "nothing",
    "share": "1",
    "team": "no team",
    "upstream_key": "the gateway's default",
    "teams": "all teams",
    "admin_role": "none (inference plane)",
    "role_teams": "all teams",
}


def dollars(amount: Decimal) -> str:
    """`1,234.50 USD`; cents only if there are any, more digits where they matter."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    whole = amount == amount.to_integral_value()
    return f"{amount:,.0f} USD" if whole else f"{amount:,.{places}f} USD"


def counted(number: int, noun: str) -> str:
    """`1 request`, `1,200 requests`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def share(part: float) -> str:
    """`62 %`; `<1 %` for a share that is small but not zero."""
    return "<1 %" if 0 < part < 0.01 else f"{part:.0%}".replace("%", " %")


def minute(at: datetime) -> str:
    """`at` (UTC) to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def in_words(
    field: str, value: Any, default: int | str | None = None, unset_limit: str = "server default"
) -> str:
    """The value of `field` in words; `default` is what the server applies to a limit that is not set, where
    known, `unset_limit` what to call that.
    """
    if field in _UNITS:
        return _limit(field, value, default, unset_limit)
    if value in (None, [], {}, ""):
        return _UNSET.get(field, "none")
    if field == "auto_pause":
        return "on (requests are refused at the cap)" if value else "off (the cap only alerts)"
    if field == "alert_webhook_urls":
        return f"{len(value)} set"
    return _by_type(value)


def in_force(field: str, amount: int | None) -> str:
    """A limit as the server applies it, named by its unit: `60 requests/min`, `unlimited tokens/day`."""
    return f"{UNLIMITED if amount is None else f'{amount:,}'} {_UNITS[field]}"


def _by_type(value: Any) -> str:  # noqa: PLR0911 (a table of types)
    match value:
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{dollars(value)} a month"
        case datetime():
            return minute(value)
        case RotationSchedule():
            return _rotation(value)
        case RunawayGuard():
            return _guard(value)
        case list():
            return ", ".join(map(_item, value))
        case dict():
            return ", ".join(map(_labelled, value, value.values()))
    return str(value)


def _item(value: Any) -> str:
    match value:
        case Decimal():
            return dollars(value)
        case Budget():
            return f"{dollars(value.usd)} per {value.per}"
    return str(value)


def _labelled(label: str, value: Any) -> str:
    return f"{label}: {of_model_in_words(value)}" if isinstance(value, ModelLimits) else f"{label}={value}"


def of_model_in_words(limits: ModelLimits) -> str:
    """What holds a key for one model: `100 requests/min and 30 USD a month`."""
    parts = [_limit(field, limit, None) for field, limit in limits if field in _UNITS and limit is not None]
    if limits.budget_usd is not None:
        parts.append(f"{dollars(limits.budget_usd)} a month")
    return " and ".join(parts)


def _limit(field: str, value: int | str | None, default: int | str | None, unset: str = "none") -> str:
    if value is None:
        known = f" ({_limit(field, default, None)})" if default is not None else ""
        return f"{unset}{known}"
    return UNLIMITED if isinstance(value, str) else f"{value:,} {_UNITS[field]}"


def _guard(guard: RunawayGuard) -> str:
    bounds = [] if guard.spend_usd_per_10_min is None else [dollars(guard.spend_usd_per_10_min)]
    if guard.times_usual is not None:
        bounds.append(f"{guard.times_usual:,} times the usual")
    if guard.action == "alert":
        return f"alerts above {' or '.join(bounds)} in 10 minutes"
    resumed = guard.resume_after_minutes
    until = "by hand" if resumed is None else f"after {counted(resumed, 'minute')}"
    return f"pauses above {' or '.join(bounds)} in 10 minutes, goes on {until}"


def _rotation(schedule: RotationSchedule) -> str:
    parts = [f"every {schedule.every_days} days"] if schedule.every_days else ["on request"]
    parts += [f"overlap {schedule.overlap_hours} h", f"quiet {schedule.quiet_hours} h"]
    if schedule.trigger:
        parts.append(f"trigger {schedule.trigger}")
    if schedule.emergency_trigger:
        parts.append(f"emergency trigger {schedule.emergency_trigger}")
    if schedule.freeze_windows:
        parts.append(f"{len(schedule.freeze_windows)} freeze windows")
    return ", ".join(parts)
