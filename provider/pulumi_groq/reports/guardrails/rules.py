"""The rules that a policy.yaml may hold, one model for each check."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints

from pulumi_groq.models.fields import (
    AllowedModels,
    Name,
    Usd,
    UtcTime,
    WholeNumber,
    WireModel,
    unique,
)
from pulumi_groq.models.role import AdminRole
from pulumi_groq.models.tools import AllowedTools

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Grade = Literal["high", "medium", "low"]
Environment = Annotated[str, StringConstraints(min_length=1, max_length=100)]
LimitField = Literal[
    "requests_per_minute",
    "tokens_per_minute",
    "requests_per_day",
    "tokens_per_day",
    "max_parallel_requests",
    "monthly_budget_usd",
]


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
"""In the order of `datetime.weekday()`."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Berlin, or UTC") from None
    return name


TimeZone = Annotated[Name, AfterValidator(_known_zone)]


class Waiver(WireModel):
    """Leave for one resource to break a rule, for a time."""

    resource: Annotated[Name, Field(description="Name of the key, team or identity, or `spend-policy`.")]
    until: Annotated[UtcTime, Field(description="When the rule holds again: an ISO 8601 time with its zone.")]
    by: Annotated[Text, Field(description="Who approved it.")]
    why: Annotated[Text, Field(description="Why, for whoever reviews it.")]

    def holds(self, now: datetime) -> bool:
        """Whether the waiver counts at `now` (aware)."""
        return now < self.until


class RuleBase(WireModel):
    """What every rule has."""

    reason: Annotated[Text, Field(description="Why the rule exists; shown with every violation.")]
    severity: Annotated[
        Grade,
        Field(
            description="`high` stops the run and fails the review, which is the default; `medium` and "
            "`low` are reported."
        ),
    ] = "high"
    environments: Annotated[
        list[Environment],
        Field(min_length=1, max_length=50, description="The environments that it holds in; all by default."),
    ] = Field(default_factory=list)
    waivers: Annotated[
        list[Waiver], Field(max_length=100, description="Who may break it, and until when.")
    ] = Field(default_factory=list)


class LimitAtMost(RuleBase):
    """Each key declares this limit or budget, and no more than this."""

    check: Literal["limit_at_most"]
    limit: Annotated[LimitField, Field(description="The limit or budget of a key.")]
    at_most: Annotated[
        Decimal, Field(strict=False, gt=0, le=1_000_000_000, description="The most that a key may declare.")
    ]


class ModelsApproved(RuleBase):
    """Keys and teams name these models only."""

    check: Literal["models_approved"]
    models: Annotated[AllowedModels, Field(description="Ids of the approved models, 1 to 200.")]


class ToolsApproved(RuleBase):
    """Keys and teams are given these tools only."""

    check: Literal["tools_approved"]
    tools: Annotated[AllowedTools, Field(description="The approved permissions; empty approves none.")]


class LabelsRequired(RuleBase):
    """Each key has these labels in its metadata, such as its owner."""

    check: Literal["labels_required"]
    labels: Annotated[
        list[Name], Field(min_length=1, max_length=16, description="Names of labels, such as `owner`.")
    ]


class BudgetRequired(RuleBase):
    """Each key has a monthly budget of its own."""

    check: Literal["budget_required"]


class RotationRequired(RuleBase):
    """Each key rotates by age."""

    check: Literal["rotation_required"]
    every_days_at_most: Annotated[
        WholeNumber, Field(ge=1, le=3650, description="The oldest that a key may become, in days.")
    ]


class ExpiryRequired(RuleBase):
    """Each key ends by itself, at most this many days from now."""

    check: Literal["expiry_required"]
    within_days: Annotated[WholeNumber, Field(ge=1, le=3650, description="Days from now, 1 to 3,650.")]


class SpendPolicyAtMost(RuleBase):
    """The organisation's cap is at most this, and pauses at it."""

    check: Literal["spend_policy_at_most"]
    monthly_cap_usd: Annotated[Usd, Field(description="US dollars in a calendar month.")]


class RolesApproved(RuleBase):
    """Admin keys and workload identities are given these roles only."""

    check: Literal["roles_approved"]
    roles: Annotated[
        list[AdminRole],
        Field(max_length=5, description="The approved roles; empty approves none."),
        AfterValidator(unique),
    ]


class SafeClaims(RuleBase):
    """Each workload identity's claims tell the trusted workload from all others."""

    check: Literal["safe_claims"]


class NoWidening(RuleBase):
    """On these weekdays nothing is given more: no new key, model or tool, no higher limit."""

    check: Literal["no_widening"]
    weekdays: Annotated[
        list[Weekday],
        Field(min_length=1, max_length=7, description="The weekdays on which nothing is widened."),
    ]
    time_zone: Annotated[
        TimeZone, Field(description="Whose weekdays, such as `Europe/Berlin`; UTC by default.")
    ] = "UTC"

    def holds_on(self, now: datetime) -> bool:
        """Whether `now` (aware) is on one of the weekdays."""
        return WEEKDAYS[now.astimezone(ZoneInfo(self.time_zone)).weekday()] in self.weekdays


CHECKS: Final[dict[str, type[RuleBase]]] = {
    "limit_at_most": LimitAtMost,
    "models_approved": ModelsApproved,
    "tools_approved": ToolsApproved,
    "labels_required": LabelsRequired,
    "budget_required": BudgetRequired,
    "rotation_required": RotationRequired,
    "expiry_required": ExpiryRequired,
    "spend_policy_at_most": SpendPolicyAtMost,
    "roles_approved": RolesApproved,
    "safe_claims": SafeClaims,
    "no_widening": NoWidening,
}
"""The model of each check, by the name that a rule's `check` gives."""
