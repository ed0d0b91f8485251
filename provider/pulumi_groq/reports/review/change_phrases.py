"""A change in words: what happens, to whom, and why. Plain text; each format escapes it."""

from collections.abc import Iterator
from typing import Final

from pulumi_groq.models.spend_policy import SECRET_CHANGES
from pulumi_groq.reports.phrases import LIMITS, counted, dollars, in_words
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import ReviewedPlan
from pulumi_groq.reports.review.rules.access import last_use
from pulumi_groq.reports.review.rules.keys import mints
from pulumi_groq.reports.settings import AdminKeySettings, FieldChange, IdentitySettings, KeySettings

_LISTS = ("allowed_models", "allowed_tools", "teams", "role_teams")
_HIDDEN = "secret or known after the run"
_SET = "set (a secret)"


def old_and_new(changed: FieldChange, plan: ReviewedPlan) -> tuple[str, str]:
    """Both values of a field, in words with units."""
    field = changed.field
    of_a_key = changed.unset_limit == KeySettings.unset_limit
    default = plan.live.default_limit(field) if plan.live and field in LIMITS and of_a_key else None
    hidden = _SET if field in SECRET_CHANGES else _HIDDEN
    old = hidden if changed.old_hidden else in_words(field, changed.old, default, changed.unset_limit)
    new = hidden if changed.new_hidden else in_words(field, changed.new, default, changed.unset_limit)
    if changed.old_hidden and changed.new_hidden:
        return old, SECRET_CHANGES.get(field, new)
    if field in _LISTS and not (changed.old_hidden or changed.new_hidden) and changed.old:
        new = "; ".join(_added_and_removed(changed)) or new
    return old, new


def _added_and_removed(changed: FieldChange) -> Iterator[str]:
    added = [item for item in changed.new if item not in changed.old]
    removed = [item for item in changed.old if item not in changed.new]
    if added:
        yield f"adds {', '.join(added)}"
    if removed:
        yield f"removes {', '.join(removed)}"


_VERBS: Final = {"create": "create", "update": "change", "replace": "replace", "delete": "delete"}
VERBS: Final = ("create", "create or take over", "take over", "change", "replace", "delete")
"""Every verb of `verb`, in the order in which they are counted."""


def verb(change: PlannedChange) -> str:
    """What the run does with it; what exists is not created, whatever the engine calls it."""
    if change.operation == "create" and change.takes_over is not False:
        return "create or take over" if change.takes_over is None else "take over"
    return _VERBS[change.operation]


def affected(change: PlannedChange, plan: ReviewedPlan) -> str:
    """Who notices the change."""
    settings = change.new or change.old
    if isinstance(settings, KeySettings):
        return "; ".join(_of_key(change, settings, plan))
    if isinstance(settings, AdminKeySettings):
        return "whoever holds the admin key"
    if isinstance(settings, IdentitySettings):
        return "every workload whose token the identity accepts"
    if change.kind == "GroqTeam":
        members = sum(key.team == change.name for key in plan.live.keys) if plan.live else None
        return "every key of the team" + ("" if members is None else f" ({members} now)")
    spent = f"; {dollars(plan.live.spent_usd)} spent this month" if plan.live else ""
    return f"every key of the organisation{spent}"


def _of_key(change: PlannedChange, settings: KeySettings, plan: ReviewedPlan) -> Iterator[str]:
    yield f"team {settings.team}" if settings.team else "no team"
    if plan.key_of(change) is not None:
        yield last_use(change, plan)
    row = plan.usage_of(change)
    if row is not None and row.month_to_date.requests:
        month = row.month_to_date
        used = f"{counted(month.requests, 'request')}, {counted(month.tokens, 'token')}"
        yield f"{used}, {dollars(month.cost_usd)} this month"


def gets_new_value(change: PlannedChange) -> bool:
    """Whether the run gives the key a value that it does not have now."""
    _, new = change.key()
    keeps = change.operation == "update" or change.takes_over
    return new is not None and (not keeps or mints(new))


def reason(change: PlannedChange, plan: ReviewedPlan) -> str | None:
    """Why it is declared this way, in the access file's own words."""
    declared = plan.declared_of(change)
    return declared.reason if declared else None
