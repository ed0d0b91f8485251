"""Which settings give more than before: models, tools, limits, budgets, time."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.reports.settings import Settings


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


_WIDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "allowed_models": _more,
    "allowed_tools": _more,
    "requests_per_minute": _higher_limit,
    "tokens_per_minute": _higher_limit,
    "requests_per_day": _higher_limit,
    "tokens_per_day": _higher_limit,
    "max_parallel_requests": _higher_limit,
    "monthly_budget_usd": _later_or_none,
    "expires_at": _later_or_none,
    "monthly_cap_usd": _later_or_none,
    "disabled": lambda old, new: bool(old and not new),
    "auto_pause": lambda old, new: bool(old and not new),
    "team": lambda old, new: bool(old != new),
}


def wider_fields(before: Settings, declared: Settings) -> tuple[str, ...]:
    """The fields of `declared` that give more than `before`. What is hidden on either side is left out."""
    hidden = before.hidden | declared.hidden
    return tuple(
        field
        for field, wider in _WIDER.items()
        if field in type(declared).model_fields
        and field not in hidden
        and wider(getattr(before, field), getattr(declared, field))
    )
