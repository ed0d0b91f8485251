"""Keys, teams, policies and rights as the engine's documents show them: any field may be hidden."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pulumi_groq.models.budgets import Budget, ModelLimits
from pulumi_groq.models.fields import Limit, Usd, UtcTime
from pulumi_groq.models.role import AdminRole
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.models.runaway import RunawayGuard
from pulumi_groq.models.spelling import inward
from pulumi_groq.models.spend_policy import SECRET_CHANGES
from pulumi_groq.reports.engine_state import is_readable
from pulumi_groq.reports.phrases import LABELS


class Settings(BaseModel):
    """Base: `hidden` names the fields whose value is a secret, unknown before the run, or unreadable.

    `adopt_existing` is about the create alone, and nothing that is served; `secrets_changing` says in the
    words of `SECRET_CHANGES` which secrets the run gives another value.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    unset_limit: ClassVar[str] = "server default"
    """What a limit is that is not set."""

    hidden: frozenset[str] = frozenset()
    secrets_changing: frozenset[str] = frozenset()
    adopt_existing: bool = False

    @classmethod
    def read(cls, properties: Mapping[str, Any]) -> Self:
        """The settings in `properties`, in the spelling of either adapter.

        A value that does not fit its field counts as hidden.
        """
        spelled = inward(cls, {name: value for name, value in properties.items() if name != "hidden"})
        given = {name: value for name, value in spelled.items() if value is not None}
        hidden = {name for name, value in given.items() if not is_readable(value)}
        readable = {name: value for name, value in given.items() if name not in hidden}
        try:
            return cls.model_validate({**readable, "hidden": frozenset(hidden)})
        except ValidationError as error:
            hidden |= {str(item["loc"][0]) for item in error.errors()}
        fitting = {name: value for name, value in readable.items() if name not in hidden}
        return cls.model_validate({**fitting, "hidden": frozenset(hidden)})


class KeySettings(Settings):
    """A key's settings. `rotation_due` says what a rotation would do in this run."""

    name: str = ""
    team: str | None = None
    allowed_models: list[str] = Field(default_factory=list)
    allowed_tools: list[str] = Field(default_factory=list)
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    requests_per_day: Limit | None = None
    tokens_per_day: Limit | None = None
    max_parallel_requests: Limit | None = None
    monthly_budget_usd: Usd | None = None
    budgets: list[Budget] = Field(default_factory=list)
    model_limits: dict[str, ModelLimits] = Field(default_factory=dict)
    runaway: RunawayGuard | None = None
    share: int | None = None
    expires_at: UtcTime | None = None
    disabled: bool = False
    metadata: dict[str, str] = Field(default_factory=dict)
    rotation: RotationSchedule | None = None
    rotation_due: str | None = None
    allow_delete_in_use: bool = False
    managed_by: str | None = None
    adopt_key_id: str | None = None


class TeamSettings(Settings):
    """A team's settings."""

    unset_limit = "none"

    team_name: str = ""
    allowed_models: list[str] = Field(default_factory=list)
    allowed_tools: list[str] = Field(default_factory=list)
    upstream_key: str | None = None
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    requests_per_day: Limit | None = None
    tokens_per_day: Limit | None = None
    max_parallel_requests: Limit | None = None
    monthly_budget_usd: Usd | None = None
    budgets: list[Budget] = Field(default_factory=list)


class PolicySettings(Settings):
    """The spending policy's settings; where its alerts go is a secret and stays in `hidden`."""

    monthly_cap_usd: Usd | None = None
    budgets: list[Budget] = Field(default_factory=list)
    alert_thresholds_usd: list[Usd] = Field(default_factory=list)
    auto_pause: bool = True
    alert_webhook_urls: list[str] = Field(default_factory=list, repr=False)
    alert_webhook_signing_secret: Annotated[str | None, Field(repr=False)] = None


class AdminKeySettings(Settings):
    """An admin key's settings."""

    name: str = ""
    role: AdminRole | None = None
    teams: list[str] = Field(default_factory=list)
    expires_at: UtcTime | None = None
    rotation: RotationSchedule | None = None
    rotation_due: str | None = None
    managed_by: str | None = None
    adopt_key_id: str | None = None


class IdentitySettings(Settings):
    """A workload identity's settings."""

    identity_name: str = ""
    issuer: str = ""
    audience: str = ""
    claims: dict[str, str] = Field(default_factory=dict)
    claim_patterns: dict[str, str] = Field(default_factory=dict)
    credential_minutes: int = 15
    admin_role: AdminRole | None = None
    role_teams: list[str] = Field(default_factory=list)
    allowed_models: list[str] = Field(default_factory=list)
    allowed_tools: list[str] = Field(default_factory=list)
    team: str | None = None
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    requests_per_day: Limit | None = None
    tokens_per_day: Limit | None = None
    max_parallel_requests: Limit | None = None
    monthly_budget_usd: Usd | None = None
    budgets: list[Budget] = Field(default_factory=list)
    model_limits: dict[str, ModelLimits] = Field(default_factory=dict)
    runaway: RunawayGuard | None = None
    share: int | None = None
    managed_by: str | None = None

    @property
    def is_for_admin(self) -> bool:
        """Whether its credentials are for the admin plane."""
        return self.admin_role is not None or "admin_role" in self.hidden


SETTINGS: Final[Mapping[str, type[Settings]]] = {
    "GroqApiKey": KeySettings,
    "GroqTeam": TeamSettings,
    "GroqSpendPolicy": PolicySettings,
    "GroqAdminKey": AdminKeySettings,
    "GroqWorkloadIdentity": IdentitySettings,
}
"""The settings of each kind of resource."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs; `hidden` says which of both values cannot be shown, `unset_limit` what a limit
    is that is not set.
    """

    field: str
    old: Any
    new: Any
    old_hidden: bool = False
    new_hidden: bool = False
    unset_limit: str = Settings.unset_limit


def field_changes(old: Settings | None, new: Settings) -> tuple[FieldChange, ...]:
    """The fields that differ; of a new resource those that are set.

    Two hidden values differ where the resource's check said so.
    """
    unset = type(new)()
    before = old if old is not None else unset
    found = []
    for field in LABELS:
        if field not in type(new).model_fields:
            continue
        old_hidden, new_hidden = field in before.hidden, field in new.hidden
        was, becomes = getattr(before, field), getattr(new, field)
        differs = was != becomes or old_hidden != new_hidden
        if SECRET_CHANGES.get(field) in new.secrets_changing if old_hidden and new_hidden else differs:
            found.append(FieldChange(field, was, becomes, old_hidden, new_hidden, new.unset_limit))
    return tuple(found)
