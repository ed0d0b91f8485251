"""Which settings give more than before: models, tools, limits, budgets, time, roles, trust."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi_groq.models.budgets import LIMITS, ModelLimits
from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.models.runaway import RunawayGuard
from pulumi_groq.reports.identity_trust import trusts_more
from pulumi_groq.reports.settings import IdentitySettings, Settings, TeamSettings


def _more(old: Any, new: Any) -> bool:
    return not set(new) <= set(old)


def _higher_limit(old: Any, new: Any) -> bool:
    """Unset is the server's default, which may be anything: going to it or from it may be more."""
    if old in {new, UNLIMITED}:
        return False
    return old is None or new is None or new == UNLIMITED or new > old


def _later_or_none(old: Any, new: Any) -> bool:
    """Unset bounds nothing."""
    return old is not None and (new is None or new > old)


def _above_or_none(old: Any, new: Any) -> bool:
    """Where unset and unlimited are alike: of a team, and of one model."""
    return old not in (None, UNLIMITED) and (new in (None, UNLIMITED) or new > old)


def _more_budget(old: Any, new: Any) -> bool:
    later = {budget.per: budget.usd for budget in new}
    return any(_later_or_none(budget.usd, later.get(budget.per)) for budget in old)


def _more_of_a_model(old: Any, new: Any) -> bool:
    fields = ModelLimits.model_fields
    return any(
        _above_or_none(getattr(limits, field), getattr(new.get(model, ModelLimits()), field))
        for model, limits in old.items()
        for field in fields
    )


def _further_teams(old: Any, new: Any) -> bool:
    """None stands for all of them."""
    return bool(old) and (not new or not set(new) <= set(old))


def weaker_guard(old: RunawayGuard | None, new: RunawayGuard | None) -> bool:
    """Whether a guard lets more spend pass, or lets go on what it paused."""
    if old is None or new is None:
        return old is not None
    return (
        _later_or_none(old.spend_usd_per_10_min, new.spend_usd_per_10_min)
        or _later_or_none(old.times_usual, new.times_usual)
        or (old.action, new.action) == ("pause_key", "alert")
        or (new.action == "pause_key" and _sooner(old.resume_after_minutes, new.resume_after_minutes))
    )


def _sooner(old: int | None, new: int | None) -> bool:
    return new is not None and (old is None or new < old)


_WIDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "allowed_models": _more,
    "allowed_tools": _more,
    "requests_per_minute": _higher_limit,
    "tokens_per_minute": _higher_limit,
    "requests_per_day": _higher_limit,
    "tokens_per_day": _higher_limit,
    "max_parallel_requests": _higher_limit,
    "monthly_budget_usd": _later_or_none,
    "budgets": _more_budget,
    "model_limits": _more_of_a_model,
    "runaway": weaker_guard,
    "share": lambda old, new: (new or 1) > (old or 1),
    "expires_at": _later_or_none,
    "monthly_cap_usd": _later_or_none,
    "disabled": lambda old, new: bool(old and not new),
    "auto_pause": lambda old, new: bool(old and not new),
    "team": lambda old, new: bool(old != new),
    "role": lambda old, new: bool(old != new),
    "admin_role": lambda old, new: bool(new is not None and old != new),
    "teams": _further_teams,
    "role_teams": _further_teams,
    "credential_minutes": lambda old, new: bool(new > old),
}


def wider_fields(before: Settings, declared: Settings) -> tuple[str, ...]:
    """The fields of `declared` that give more than `before`. What is hidden on either side is left out."""
    hidden = before.hidden | declared.hidden
    trusting: tuple[str, ...] = ()
    if isinstance(before, IdentitySettings) and isinstance(declared, IdentitySettings):
        trusting = tuple(name for name in trusts_more(before, declared) if name not in hidden)
    return trusting + tuple(
        field
        for field, wider in _WIDER.items()
        if field in type(declared).model_fields
        and field not in hidden
        and _rule(field, wider, declared)(getattr(before, field), getattr(declared, field))
    )


def _rule(field: str, wider: Callable[[Any, Any], bool], declared: Settings) -> Callable[[Any, Any], bool]:
    return _above_or_none if field in LIMITS and isinstance(declared, TeamSettings) else wider
