"""The amounts that a change sets anew: limits and budgets of a key or a team, of each window and model."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pulumi_groq.models.budgets import Budget, ModelLimits
from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.reports.phrases import LABELS, LIMITS, dollars, in_words
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import ReviewedPlan
from pulumi_groq.reports.settings import FieldChange

BUDGET: Final = "monthly_budget_usd"


class Amount(NamedTuple):
    """One limit or budget, before and after: `None` where there is none, or where it is not known.

    `field` is the setting, with the window or the model behind it where there are several in it.
    `is_endless` says whether without one there is no limit at all.
    """

    field: str
    label: str
    old: Decimal | None
    new: Decimal | None
    from_to: str
    is_money: bool
    is_endless: bool


def amounts_of(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Amount]:
    """Each amount that changes on a key or a team that exists and may be seen."""
    for old, new in (change.key(), change.team()):
        if old is None or new is None:
            continue
        for changed in change.fields:
            if changed.old_hidden or changed.new_hidden:
                continue
            if changed.field in {*LIMITS, BUDGET}:
                yield _plain(changed, plan, is_of_key=change.kind == "GroqApiKey")
            elif changed.field == "budgets":
                yield from _of_windows(changed.old, changed.new)
            elif changed.field == "model_limits":
                yield from _of_models(changed.old, changed.new)


def _plain(changed: FieldChange, plan: ReviewedPlan, *, is_of_key: bool) -> Amount:
    field = changed.field
    has_default = is_of_key and field != BUDGET and plan.live is not None
    default = plan.live.default_limit(field) if has_default and plan.live is not None else None
    words = [in_words(field, each, default, changed.unset_limit) for each in (changed.old, changed.new)]
    return Amount(
        field,
        LABELS[field],
        _number(changed.old, default),
        _number(changed.new, default),
        " to ".join(words),
        is_money=field == BUDGET,
        is_endless=not is_of_key or field == BUDGET or UNLIMITED in (changed.new, default),
    )


def _of_windows(old: list[Budget], new: list[Budget]) -> Iterator[Amount]:
    before, after = ({budget.per: budget.usd for budget in each} for each in (old, new))
    for per in before | after:
        was, becomes = before.get(per), after.get(per)
        if was != becomes:
            yield _money(f"budgets.{per}", f"budget per {per}", was, becomes)


def _of_models(old: dict[str, ModelLimits], new: dict[str, ModelLimits]) -> Iterator[Amount]:
    for model in old | new:
        before, after = old.get(model, ModelLimits()), new.get(model, ModelLimits())
        for field in ModelLimits.model_fields:
            was, becomes = getattr(before, field), getattr(after, field)
            if was == becomes:
                continue
            place = f"model_limits.{model}.{field}"
            if field == "budget_usd":
                yield _money(place, f"monthly budget for {model}", was, becomes)
            else:
                words = " to ".join(in_words(field, each, unset_limit="none") for each in (was, becomes))
                label = f"{LABELS[field]} to {model}"
                numbers = _number(was, None), _number(becomes, None)
                yield Amount(place, label, *numbers, words, is_money=False, is_endless=True)


def _money(field: str, label: str, was: Decimal | None, becomes: Decimal | None) -> Amount:
    words = ["none" if each is None else dollars(each) for each in (was, becomes)]
    return Amount(field, label, was, becomes, " to ".join(words), is_money=True, is_endless=True)


def _number(value: Any, default: int | str | None) -> Decimal | None:
    if value is None:
        value = default
    return None if value in (None, UNLIMITED) else Decimal(value)
