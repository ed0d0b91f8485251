"""Workload identities: whose tokens are trusted, and what a credential that they are exchanged for may do."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pulumi_groq.models.api_key import (
    MaxParallelRequests,
    RequestsPerDay,
    RequestsPerMinute,
    ShareWeight,
    TokensPerDay,
    TokensPerMinute,
)
from pulumi_groq.models.budgets import (
    Budgets,
    LimitsByModel,
    not_of_the_month_twice,
    of_allowed_models,
)
from pulumi_groq.models.fields import (
    AllowedModels,
    CreatedAt,
    Name,
    ObjectId,
    PlainText,
    UpdatedAt,
    Usd,
    WholeNumber,
    WireModel,
    unique,
)
from pulumi_groq.models.ownership import Owned
from pulumi_groq.models.role import AdminRole
from pulumi_groq.models.runaway import KeyPause, RunawayGuard
from pulumi_groq.models.tools import AllowedTools

ADOPT_EXISTING_IDENTITY: Final = (
    "Whether to take over an identity of that name that exists and differs, or that another stack declares."
)
LONGEST_CLAIM: Final = 1024
_ID_PREFIX: Final = "wid_"


def is_identity_id(holder_id: str) -> bool:
    """Whether this id of what holds limits is a workload identity's: those of keys begin otherwise."""
    return holder_id.startswith(_ID_PREFIX)


Issuer = Annotated[
    PlainText,
    StringConstraints(
        max_length=1024,
        pattern=r"^(https://[^\s/@?#]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)(/[^\s?#]*)?$",
    ),
]
"""An https URL without user, query and fragment; http to this machine, which a gateway may refuse."""

ClaimName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:/-]+$")]
ClaimValue = Annotated[PlainText, StringConstraints(min_length=1, max_length=LONGEST_CLAIM)]
Claims = Annotated[dict[ClaimName, ClaimValue], Field(max_length=16)]

IdentityName = Annotated[
    Name, Field(description="The identity's name, which is its id: 1 to 128 printable characters.")
]
IdentityIssuer = Annotated[
    Issuer,
    Field(
        description="The issuer of the tokens, exactly as their `iss` claim has it: an https URL whose "
        "`/.well-known/openid-configuration` the gateway can read, up to 1,024 characters."
    ),
]
Audience = Annotated[
    PlainText,
    StringConstraints(min_length=1, max_length=LONGEST_CLAIM),
    Field(
        description="What the tokens' `aud` claim has to hold, 1 to 1,024 characters: a name of this "
        "gateway, such as its URL, that no other service uses."
    ),
]
ExactClaims = Annotated[
    Claims,
    Field(
        description="Claims that a token must have with exactly these values, up to 16: names to texts; a "
        "list in a token must hold the value, numbers and booleans count as JSON writes them."
    ),
]
ClaimPatterns = Annotated[
    Claims,
    Field(
        description="Claims that a token must have with values like these, up to 16: `*` stands for any "
        "characters but a colon, every other character for itself."
    ),
]
CredentialMinutes = Annotated[
    WholeNumber,
    Field(ge=5, le=60, description="How long a credential lives, in minutes: 5 to 60. Default: 15."),
]
IdentityRole = Annotated[
    AdminRole | None,
    Field(
        description="The role that a credential has on the admin plane: `owner`, `team-admin`, `billing`, "
        "`viewer` or `auditor`. Without one it is for the inference plane, by `allowed_models`."
    ),
]
RoleTeams = Annotated[
    list[Name],
    Field(
        max_length=100,
        description="The teams that the role is for, up to 100; needed by `team-admin`, possible for "
        "`viewer`, where none means all.",
    ),
    AfterValidator(unique),
]
IdentityModels = Annotated[
    AllowedModels | None,
    Field(
        description="Ids of the models that a credential may call on the inference plane, 1 to 200; their "
        "order means nothing. Without any it is for the admin plane, by `admin_role`."
    ),
]
IdentityTools = Annotated[
    AllowedTools,
    Field(
        description="What a credential may let the upstream do or read beyond a request's own body, up to "
        "100 permissions, written as a key's; none by default."
    ),
]
IdentityTeam = Annotated[
    Name | None,
    Field(
        description="The name of the identity's team on the inference plane, 1 to 128 printable characters: "
        "its models, tools, limits and budgets bound the identity's."
    ),
]
IdentityMonthlyBudgetUsd = Annotated[
    Usd | None,
    Field(
        description="US dollars that all workloads of the identity together may spend in a calendar month "
        "(UTC): above 0, up to 1,000,000,000, with at most 6 decimal places. Unless set, only its team's "
        "budgets and the organisation's hold."
    ),
]
IdentityBudgets = Annotated[
    Budgets,
    Field(
        description="What all workloads of the identity together may spend by window, up to 4, at most one "
        "each per hour, day, week or month, in UTC; not per month beside `monthly_budget_usd`. None unless "
        "set."
    ),
]
IdentityModelLimits = Annotated[
    LimitsByModel,
    Field(
        description="Limits of single models, up to 200, by the model's id, which must be one of "
        "`allowed_models`: they hold within all other limits. None unless set."
    ),
]
IdentityRunaway = Annotated[
    RunawayGuard | None,
    Field(
        description="What of the spend of all its workloads together is a runaway, and whether it pauses the "
        "identity; unless set, nothing is."
    ),
]
IdentityShare = Annotated[
    ShareWeight | None,
    Field(
        description="The identity's weight, all its workloads together, while the upstream's own limits are "
        "near, which are then divided among the keys that ask: 1 to 1,000; 1 unless set."
    ),
]

_OF_THE_INFERENCE_PLANE: Final = (
    "allowed_tools",
    "requests_per_minute",
    "tokens_per_minute",
    "requests_per_day",
    "tokens_per_day",
    "max_parallel_requests",
    "monthly_budget_usd",
    "budgets",
    "model_limits",
    "runaway",
    "share",
    "team",
)


class WorkloadIdentitySettings(WireModel):
    """Which tokens are trusted, and what for: a role on the admin plane, or use of the inference plane."""

    issuer: IdentityIssuer
    audience: Audience
    claims: ExactClaims = Field(default_factory=dict)
    claim_patterns: ClaimPatterns = Field(default_factory=dict)
    credential_minutes: CredentialMinutes = 15
    admin_role: IdentityRole = None
    role_teams: RoleTeams = Field(default_factory=list)
    allowed_models: IdentityModels = None
    allowed_tools: IdentityTools = Field(default_factory=list)
    team: IdentityTeam = None
    requests_per_minute: RequestsPerMinute = None
    tokens_per_minute: TokensPerMinute = None
    requests_per_day: RequestsPerDay = None
    tokens_per_day: TokensPerDay = None
    max_parallel_requests: MaxParallelRequests = None
    monthly_budget_usd: IdentityMonthlyBudgetUsd = None
    budgets: Annotated[IdentityBudgets, AfterValidator(not_of_the_month_twice)] = Field(default_factory=list)
    model_limits: Annotated[IdentityModelLimits, AfterValidator(of_allowed_models)] = Field(
        default_factory=dict
    )
    runaway: IdentityRunaway = None
    share: IdentityShare = None

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        for problem in contradictions(self):
            raise ValueError(problem)
        return self


def contradictions(settings: WorkloadIdentitySettings) -> list[str]:
    """What is wrong with the settings together; those that a check does not know yet are left out."""
    role, models = _is_set(settings, "admin_role"), _is_set(settings, "allowed_models")
    beside = [name for name in _OF_THE_INFERENCE_PLANE if _is_set(settings, name)]
    found = []
    if (_is_set(settings, "claims"), _is_set(settings, "claim_patterns")) == (False, False):
        found.append(
            "claims and claim_patterns must not both be empty: every token of the issuer would be accepted"
        )
    if (role, models) == (False, False):
        found.append("admin_role or allowed_models must say what a credential is for")
    if role and models:
        found.append("admin_role and allowed_models must not both be set: declare two identities")
    if role and beside:
        found.append(f"{beside[0]} is for the inference plane and has no meaning beside admin_role")
    return found + _wrong_teams(settings)


def _wrong_teams(settings: WorkloadIdentitySettings) -> list[str]:
    role, teams = _is_set(settings, "admin_role"), _is_set(settings, "role_teams")
    if teams and role is False:
        return ["role_teams needs an admin_role"]
    if teams and role and settings.admin_role not in {"team-admin", "viewer"}:
        return ["role_teams is for the roles team-admin and viewer only"]
    if teams is False and role and settings.admin_role == "team-admin":
        return ["role_teams must name the teams of a team-admin"]
    return []


def _is_set(settings: WorkloadIdentitySettings, name: str) -> bool | None:
    """`None` where a check does not know yet: it has put `Any` in the place of the field's type."""
    if type(settings).model_fields[name].annotation is Any:
        return None
    return bool(getattr(settings, name))


class WorkloadIdentityWrite(WorkloadIdentitySettings, Owned):
    """Body of `PUT /openai/v1/workload-identities/{name}`."""


class WorkloadIdentity(WorkloadIdentitySettings, Owned):
    """A workload identity as the admin API shows it."""

    object: Literal["workload_identity"] = Field("workload_identity", description="The kind of object.")
    id: Annotated[
        ObjectId, Field(description="The identity's id, given by the server; usage and the log have it.")
    ]
    name: IdentityName
    paused: Annotated[
        KeyPause | None, Field(description="Why and since when the identity is paused; null while it is not.")
    ] = None
    created_at: CreatedAt
    updated_at: UpdatedAt


class WorkloadIdentityPage(WireModel):
    """All workload identities, by name."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    data: Annotated[list[WorkloadIdentity], Field(description="The workload identities.")]
