"""API keys as the admin API sends and receives them."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from pulumi_groq.models.budgets import (
    Budgets,
    LimitsByModel,
    not_of_the_month_twice,
    of_allowed_models,
)
from pulumi_groq.models.fields import (
    AllowedModels,
    CreatedAt,
    DeclaredAs,
    LastUsedAt,
    Limit,
    ManagedBy,
    Metadata,
    Name,
    ObjectId,
    UpdatedAt,
    Usd,
    UtcTime,
    WholeNumber,
    WireModel,
)
from pulumi_groq.models.markers import REPLACE, SECRET
from pulumi_groq.models.ownership import OwnClaim
from pulumi_groq.models.runaway import Paused, Runaway
from pulumi_groq.models.tools import AllowedTools

KeyStatus = Literal["active", "disabled", "expired", "paused"]

_MODELS: Final = "Ids of the models that the key may call, 1 to 200; their order means nothing."
_TOOLS: Final = (
    "What the upstream may do or read beyond a request's own body, up to 100 permissions: built-in tools "
    'such as `"browser_search"`, remote MCP servers as `"mcp:docs.example.com"`, and `"stored_responses"`, '
    '`"image_urls"`, `"file_urls"`, `"file_ids"`, `"inline_files"`; none by default.'
)
_RANGE: Final = '1 to 1,000,000,000, or `"unlimited"`; the server\'s default unless set.'
_METADATA: Final = (
    "Up to 16 labels stored with the key: names of 1 to 64 printable characters, values of up to 512 "
    "characters."
)
DISABLED: Final = "Whether the key's requests are refused without the key being deleted."
ALLOW_DELETE_IN_USE: Final = "Whether the key is deleted even if it served a request within the quiet period."

KeyModels = Annotated[AllowedModels, Field(description=_MODELS)]
KeyTools = Annotated[AllowedTools, Field(description=_TOOLS)]
KeyName = Annotated[
    Name,
    Field(
        description="The name that usage is booked under: 1 to 128 printable characters. It never changes."
    ),
]
RequestsPerMinute = Annotated[
    Limit | None, Field(description=f"Requests a minute, refilled continuously: {_RANGE}")
]
TokensPerMinute = Annotated[
    Limit | None, Field(description=f"Tokens a minute, prompt and completion together: {_RANGE}")
]
RequestsPerDay = Annotated[
    Limit | None, Field(description=f"Requests a day, refilled continuously: {_RANGE}")
]
TokensPerDay = Annotated[
    Limit | None, Field(description=f"Tokens a day, prompt and completion together: {_RANGE}")
]
MaxParallelRequests = Annotated[
    Limit | None,
    Field(
        description=f"Requests that may run at once, each until its answer's end, streams included: {_RANGE}"
    ),
]
MonthlyBudgetUsd = Annotated[
    Usd | None,
    Field(
        description="US dollars that the key may spend in a calendar month (UTC): above 0, up to "
        "1,000,000,000, with at most 6 decimal places. A rotated key shares it with its successor. Unless "
        "set, only its team's budgets and the organisation's hold."
    ),
]
ShareWeight = Annotated[WholeNumber, Field(ge=1, le=1000)]
Share = Annotated[
    ShareWeight | None,
    Field(
        description="The key's weight while the upstream's own limits are near, which are then divided among "
        "the keys that ask: 1 to 1,000; 1 unless set. A rotated key shares it with its successor."
    ),
]
_BUDGETS: Final = (
    "What the key may spend by window, up to 4, at most one each per hour, day, week or month, in UTC; not "
    "per month beside `monthly_budget_usd`. A rotated key shares them with its successor. None unless set."
)
_MODEL_LIMITS: Final = (
    "Limits of single models, up to 200, by the model's id, which must be one of `allowed_models`: they hold "
    "within all other limits. None unless set."
)
KeyBudgets = Annotated[Budgets, Field(description=_BUDGETS)]
KeyModelLimits = Annotated[LimitsByModel, Field(description=_MODEL_LIMITS)]
ExpiresAt = Annotated[
    UtcTime | None,
    Field(description="When the key stops working: an ISO 8601 time with its zone. Unless set, never."),
]
KeyTeam = Annotated[
    Name | None,
    Field(
        description="The name of the key's team, 1 to 128 printable characters: its models, tools, limits "
        "and budgets bound the key's."
    ),
]
Replaces = Annotated[
    ObjectId | None,
    Field(
        description="Id of the key that this one succeeds: the new key joins its lineage and shares its "
        "budget."
    ),
]
Disabled = Annotated[bool, Field(description=DISABLED)]
AdoptKeyId = Annotated[
    ObjectId | None,
    Field(
        description="Id of an existing key to take over instead of creating one; its value stays unknown "
        "until a rotation gives it a new one."
    ),
]
AllowDeleteInUse = Annotated[bool, Field(description=ALLOW_DELETE_IN_USE)]


class ApiKeySettings(WireModel):
    """What may change during a key's life. `None` means the server's default, where it has one."""

    allowed_models: KeyModels
    allowed_tools: KeyTools = Field(default_factory=list)
    requests_per_minute: RequestsPerMinute = None
    tokens_per_minute: TokensPerMinute = None
    requests_per_day: RequestsPerDay = None
    tokens_per_day: TokensPerDay = None
    max_parallel_requests: MaxParallelRequests = None
    monthly_budget_usd: MonthlyBudgetUsd = None
    budgets: Annotated[KeyBudgets, AfterValidator(not_of_the_month_twice)] = Field(default_factory=list)
    model_limits: Annotated[KeyModelLimits, AfterValidator(of_allowed_models)] = Field(default_factory=dict)
    runaway: Runaway = None
    share: Share = None
    expires_at: ExpiresAt = None
    team: KeyTeam = None
    metadata: Annotated[Metadata, Field(description=_METADATA)] = Field(default_factory=dict)


class ApiKeyCreate(ApiKeySettings):
    """Body of `POST /openai/v1/api-keys`.

    Live keys of different lineages never share `managed_by`, `declared_as` and `name` (409
    `already_declared`), so no run mints a second key.
    """

    name: Annotated[KeyName, REPLACE]
    managed_by: ManagedBy = None
    declared_as: DeclaredAs = None
    claim: OwnClaim = None
    replaces: Annotated[Replaces, REPLACE] = None


class ApiKeyUpdate(WireModel):
    """Body of `PATCH /openai/v1/api-keys/{id}`: a field left out stays, `null` clears it."""

    allowed_models: Annotated[AllowedModels | None, Field(description=_MODELS)] = None
    allowed_tools: Annotated[AllowedTools | None, Field(description=_TOOLS)] = None
    requests_per_minute: RequestsPerMinute = None
    tokens_per_minute: TokensPerMinute = None
    requests_per_day: RequestsPerDay = None
    tokens_per_day: TokensPerDay = None
    max_parallel_requests: MaxParallelRequests = None
    monthly_budget_usd: MonthlyBudgetUsd = None
    budgets: Annotated[Budgets | None, Field(description=_BUDGETS)] = None
    model_limits: Annotated[LimitsByModel | None, Field(description=_MODEL_LIMITS)] = None
    runaway: Runaway = None
    share: Share = None
    expires_at: ExpiresAt = None
    team: KeyTeam = None
    metadata: Annotated[Metadata | None, Field(description=_METADATA)] = None
    managed_by: ManagedBy = None
    declared_as: DeclaredAs = None
    claim: OwnClaim = None
    disabled: Annotated[bool | None, Field(description=DISABLED)] = None


class EffectiveLimits(WireModel):
    """The limits in force after defaults; `None` is unlimited."""

    requests_per_minute: Annotated[int | None, Field(description="Requests a minute; null is unlimited.")]
    tokens_per_minute: Annotated[int | None, Field(description="Tokens a minute; null is unlimited.")]
    requests_per_day: Annotated[int | None, Field(description="Requests a day; null is unlimited.")]
    tokens_per_day: Annotated[int | None, Field(description="Tokens a day; null is unlimited.")]
    max_parallel_requests: Annotated[
        int | None, Field(description="Requests at once; null is unlimited.")
    ] = None


class ApiKey(ApiKeySettings):
    """A key as every answer but the first shows it: without its value."""

    object: Literal["api_key"] = Field("api_key", description="The kind of object.")
    id: Annotated[ObjectId, Field(description="The key's id, given by the server.")]
    name: KeyName
    managed_by: ManagedBy
    declared_as: DeclaredAs
    claim: OwnClaim = None
    replaces: Replaces
    lineage_id: Annotated[
        ObjectId, Field(description="Id of the lineage's first key; a key that replaces another keeps it.")
    ]
    generation: Annotated[int, Field(description="The key's number in its lineage, counted from 1.")]
    status: Annotated[
        KeyStatus,
        Field(description="`active`, or why requests are refused: `disabled`, `expired` or `paused`."),
    ]
    paused: Paused = None
    effective_limits: Annotated[
        EffectiveLimits, Field(description="The limits in force, with the server's defaults.")
    ]
    last_four: Annotated[
        str,
        Field(min_length=4, max_length=4, description="The last 4 characters of the key's value."),
    ]
    created_at: CreatedAt
    updated_at: UpdatedAt
    last_used_at: LastUsedAt


class ApiKeyCreated(ApiKey):
    """The answer to a create: the only one that holds the key's value."""

    api_key: Annotated[
        str, SECRET, Field(repr=False, description="The key's value, which applications send.")
    ]


class ApiKeyPage(WireModel):
    """One page of keys, oldest first. `after=last_id` asks for the next while `has_more`."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    as_of: Annotated[
        UtcTime, Field(description="The server's time (UTC), which ages and last uses are counted from.")
    ]
    data: Annotated[list[ApiKey], Field(description="The page's keys.")]
    first_id: Annotated[ObjectId | None, Field(description="Id of the page's first key; null without any.")]
    last_id: Annotated[ObjectId | None, Field(description="Id of the page's last key; null without any.")]
    has_more: Annotated[bool, Field(description="Whether more keys follow.")]
