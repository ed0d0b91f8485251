"""The amounts that a change sets anew: limits and budgets of a key or a team, of each window and model, and
those of the spending policy.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pulumi_groq.models.budgets import Budget, ModelLimits, Per
from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.reports.phrases import LABELS, LIMITS, dollars, in_words
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import ReviewedPlan
from pulumi_groq.reports.settings import FieldChange

MONTHLY: Final = frozenset({"monthly_budget_usd", "monthly_cap_usd"})


class Amount(NamedTuple):
    """One limit or budget, before and after: `None` where there is none, or where it is not known.

    `setting` is the limit's name, or `budget`, then with its window `per`; `model` is the one that it is for,
    `None` for all. `is_endless` says whether without one there is no limit at all.
    """

    setting: str
    label: str
    old: Decimal | None
    new: Decimal | None
    from_to: str
    is_endless: bool
    per: Per | None = None
    model: str | None = None

    @property
    def is_money(self) -> bool:
        """Whether it is a budget, in US dollars."""
        return self.per is not None

    def in_words(self, amount: Decimal) -> str:
        """`60 requests/min`, `5 USD a day`."""
        return f"{dollars(amount)} a {self.per}" if self.per else in_words(self.setting, int(amount))


def amounts_of(change: PlannedChange, plan: ReviewedPlan) -> Iterator[Amount]:
    """Each amount that changes on a key, a team, a workload identity or the spending policy, if that exists
    and may be seen.
    """
    if None in change.bounded() and None in change.policy():
        return
    for changed in change.fields:
        if changed.old_hidden or changed.new_hidden:
            continue
        if changed.field in LIMITS:
            yield _limit(changed, plan, has_defaults=change.kind != "GroqTeam")
        elif changed.field in MONTHLY:
            yield _money(LABELS[changed.field], "month", changed.old, changed.new)
        elif changed.field == "budgets":
            yield from _of_windows(changed.old, changed.new)
        elif changed.field == "model_limits":
            yield from _of_models(changed.old, changed.new)


def _limit(changed: FieldChange, plan: ReviewedPlan, *, has_defaults: bool) -> Amount:
    field = changed.field
    default = plan.live.default_limit(field) if has_defaults and plan.live is not None else None
    words = [in_words(field, each, default, changed.unset_limit) for each in (changed.old, changed.new)]
    return Amount(
        field,
        LABELS[field],
        _number(changed.old, default),
        _number(changed.new, default),
        " to ".join(words),
        is_endless=not has_defaults or UNLIMITED in (changed.new, default),
    )


def _of_windows(old: list[Budget], new: list[Budget]) -> Iterator[Amount]:
    before, after = ({budget.per: budget.usd for budget in each} for each in (old, new))
    for per in before | after:
        was, becomes = before.get(per), after.get(per)
        if was != becomes:
            yield _money(f"budget per {per}", per, was, becomes)


def _of_models(old: dict[str, ModelLimits], new: dict[str, ModelLimits]) -> Iterator[Amount]:
    for model in old | new:
        before, after = old.get(model, ModelLimits()), new.get(model, ModelLimits())
        for field in ModelLimits.model_fields:
            was, becomes = getattr(before, field), getattr(after, field)
            if was == becomes:
                continue
            if field == "budget_usd":
                yield _money(f"monthly budget for {model}", "month", was, becomes, model)
            else:
                words = " to ".join(in_words(field, each, unset_limit="none") for each in (was, becomes))
                label = f"{LABELS[field]} to {model}"
                numbers = _number(was, None), _number(becomes, None)
                yield Amount(field, label, *numbers, words, is_endless=True, model=model)


def _money(
    label: str, per: Per, was: Decimal | None, becomes: Decimal | None, model: str | None = None
) -> Amount:
    words = ["none" if each is None else f"{dollars(each)} a {per}" for each in (was, becomes)]
    return Amount("budget", label, was, becomes, " to ".join(words), is_endless=True, per=per, model=model)


def _number(value: Any, default: int | str | None) -> Decimal | None:
    if value is None:
        value = default
    return None if value in (None, UNLIMITED) else Decimal(value)
