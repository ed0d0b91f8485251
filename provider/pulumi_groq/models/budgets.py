"""Budgets of windows, and the limits that a key has for one model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo

from pulumi_groq.models.fields import ModelId, OwnLimit, Usd, WireModel, json_number

Per = Literal["hour", "day", "week", "month"]
"""What a budget is for, the shortest first."""

_SHORTEST_FIRST: Final[tuple[Per, ...]] = get_args(Per)
_LIMIT: Final = '1 to 1,000,000,000, or `"unlimited"`; none unless set.'


class Budget(WireModel):
    """The most that may be spent in each UTC hour, day, week from Monday, or calendar month."""

    usd: Annotated[
        Usd,
        Field(description="US dollars: above 0, up to 1,000,000,000, with at most 6 decimal places."),
    ]
    per: Annotated[
        Per, Field(description="The window in UTC: `hour`, `day`, `week` (from Monday) or `month`.")
    ]


def _one_a_window(budgets: list[Budget]) -> list[Budget]:
    windows = [budget.per for budget in budgets]
    for per in _SHORTEST_FIRST:
        if windows.count(per) > 1:
            raise ValueError(f"must not have two budgets per {per}")
    return sorted(budgets, key=lambda budget: _SHORTEST_FIRST.index(budget.per))


Budgets = Annotated[list[Budget], Field(max_length=len(_SHORTEST_FIRST)), AfterValidator(_one_a_window)]
"""At most one budget for each window; their order means nothing."""


def not_of_the_month_twice(budgets: list[Budget], info: ValidationInfo) -> list[Budget]:
    """`budgets`; raises `ValueError` where one is for the month beside `monthly_budget_usd`."""
    problem = month_twice(budgets, info.data.get("monthly_budget_usd"))
    if problem is not None:
        raise ValueError(problem)
    return budgets


def month_twice(budgets: Sequence[Budget], monthly_budget_usd: Decimal | None) -> str | None:
    """What is wrong with a budget per month beside `monthly_budget_usd`, if both are there."""
    if monthly_budget_usd is not None and any(budget.per == "month" for budget in budgets):
        return "must not have a budget per month beside monthly_budget_usd: write one of them"
    return None


class ModelLimits(WireModel):
    """What a key may use of one model, within all its other limits."""

    requests_per_minute: Annotated[
        OwnLimit | None, Field(description=f"Requests a minute to this model: {_LIMIT}")
    ] = None
    tokens_per_minute: Annotated[
        OwnLimit | None, Field(description=f"Tokens a minute of this model: {_LIMIT}")
    ] = None
    requests_per_day: Annotated[
        OwnLimit | None, Field(description=f"Requests a day to this model: {_LIMIT}")
    ] = None
    tokens_per_day: Annotated[OwnLimit | None, Field(description=f"Tokens a day of this model: {_LIMIT}")] = (
        None
    )
    budget_usd: Annotated[
        Usd | None,
        Field(
            description="US dollars that the key may spend on this model in a calendar month (UTC): above 0, "
            "up to 1,000,000,000, with at most 6 decimal places."
        ),
    ] = None


def _each_holds(limits: dict[str, ModelLimits]) -> dict[str, ModelLimits]:
    for model, of_model in limits.items():
        if not of_model.model_dump(exclude_none=True):
            raise ValueError(f"must say what holds {model}: give it a limit, or leave it out")
    return limits


LimitsByModel = Annotated[dict[ModelId, ModelLimits], Field(max_length=200), AfterValidator(_each_holds)]


def strange_model(limits: Mapping[str, Any], allowed_models: Sequence[str]) -> str | None:
    """What is wrong with limits for a model that may not be called, if there are any."""
    for model in limits:
        if model not in allowed_models:
            return f"must be for models of allowed_models; {model} is not one of them"
    return None


def of_allowed_models(limits: dict[str, ModelLimits], info: ValidationInfo) -> dict[str, ModelLimits]:
    """`limits`; raises `ValueError` where they are for a model that is not in `allowed_models`, if that is
    known.
    """
    allowed = info.data.get("allowed_models")
    problem = None if allowed is None else strange_model(limits, allowed)
    if problem is not None:
        raise ValueError(problem)
    return limits


LIMITS: Final = (
    "requests_per_minute",
    "tokens_per_minute",
    "requests_per_day",
    "tokens_per_day",
    "max_parallel_requests",
)
"""The limits that are no money, of keys as of teams."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """The limits and budgets of a key or of a team, as declared."""

    limits: Mapping[str, int | str | None]
    monthly_budget_usd: Decimal | None = None
    budgets: Sequence[Budget] = ()
    model_limits: Mapping[str, ModelLimits] = field(default_factory=dict)

    @classmethod
    def of(cls, declared: BaseModel) -> Self:
        """Those of a model of a key or of a workload identity, or of a team, which has none by model."""
        return cls(
            {name: getattr(declared, name, None) for name in LIMITS},
            getattr(declared, "monthly_budget_usd", None),
            getattr(declared, "budgets", ()),
            getattr(declared, "model_limits", {}),
        )

    @property
    def budget_by_window(self) -> Mapping[Per, Decimal]:
        """The budgets, with that of the month, whichever way it is declared."""
        of_month: dict[Per, Decimal] = {}
        if self.monthly_budget_usd is not None:
            of_month["month"] = self.monthly_budget_usd
        return of_month | {budget.per: budget.usd for budget in self.budgets}


class Misfit(NamedTuple):
    """Where a key declares more than its team has, and what is wrong with it, to be read behind the place."""

    path: tuple[str, ...]
    problem: str


def misfits_of(key: Bounded, team: Bounded, whose: str) -> Iterator[Misfit]:
    """What a key declares above what its team, told as `whose`, has for all its keys together."""
    for name, most in team.limits.items():
        own = key.limits.get(name)
        if isinstance(most, int) and own is not None and (own == "unlimited" or int(own) > most):
            yield Misfit((name,), f"must be at most {most:,}, what {whose} has for all its keys; found {own}")
    budgets = team.budget_by_window
    for per, usd in key.budget_by_window.items():
        if per in budgets and usd > budgets[per]:
            is_monthly = per == "month" and key.monthly_budget_usd is not None
            name = "monthly_budget_usd" if is_monthly else "budgets"
            found = f"must be at most {json_number(budgets[per])} per {per}"
            yield Misfit((name,), f"{found}, what {whose} has for all its keys; found {json_number(usd)}")
    yield from _misfits_by_model(key, team, whose)


def _misfits_by_model(key: Bounded, team: Bounded, whose: str) -> Iterator[Misfit]:
    for model, limits in key.model_limits.items():
        for misfit in misfits_of(
            Bounded(limits.model_dump(include=set(LIMITS)), limits.budget_usd), team, whose
        ):
            name = "budget_usd" if misfit.path == ("monthly_budget_usd",) else misfit.path[0]
            yield Misfit(("model_limits", model, name), misfit.problem)
