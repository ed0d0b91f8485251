"""PATCH of a key: a field left out stays, null clears it."""

from dataclasses import replace
from datetime import datetime

from pulumi_groq.gateway.admin.key_guard import guard_of
from pulumi_groq.gateway.admin.ownership import patched
from pulumi_groq.gateway.admin.refusals import Invalid
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.models.api_key import ApiKeyUpdate
from pulumi_groq.models.fields import micro_usd

_CANNOT_BE_CLEARED = {
    "allowed_models": "a key always has at least one model: leave the field out to keep its list",
    "disabled": "give true or false, or leave the field out",
}


def merged(record: KeyRecord, update: ApiKeyUpdate, now: datetime, *, take_over: bool = False) -> KeyRecord:
    """`record` with the fields that `update` sets; the very same record when nothing changes.

    Raises `Invalid` for null where a field cannot be without a value, and 409 `held_elsewhere`.
    """
    values = {name: getattr(update, name) for name in update.model_fields_set - {"claim"}}
    for name, hint in _CANNOT_BE_CLEARED.items():
        if name in values and values[name] is None:
            raise Invalid(f"{name} cannot be null: {hint}", param=name)
    if "allowed_models" in values:
        values["allowed_models"] = tuple(values["allowed_models"])
    if "allowed_tools" in values:
        values["allowed_tools"] = tuple(values["allowed_tools"] or ())
    if "monthly_budget_usd" in values:
        budget = values.pop("monthly_budget_usd")
        values["monthly_budget_micro_usd"] = None if budget is None else micro_usd(budget)
    if "runaway" in values:
        values["runaway"] = guard_of(values["runaway"])
    if "budgets" in values:
        values["budgets"] = tuple(values["budgets"] or ())
    for name in ("metadata", "model_limits"):
        if name in values:
            values[name] = values[name] or {}
    changed = patched(replace(record, **values), record, update, take_over=take_over)
    return record if changed == record else replace(changed, updated_at=now)
