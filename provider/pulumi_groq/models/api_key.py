"""API keys as the admin API sends and receives them."""

from typing import Annotated, Literal

from pydantic import Field

from pulumi_groq.models.fields import (
    Address,
    AllowedModels,
    Limit,
    Metadata,
    Name,
    ObjectId,
    Usd,
    UtcTime,
    WireModel,
)
from pulumi_groq.models.markers import REPLACE, SECRET
from pulumi_groq.models.tools import AllowedTools

KeyStatus = Literal["active", "disabled", "expired"]


class ApiKeySettings(WireModel):
    """What may change during a key's life. `None` is the server's default, or none where there is none."""

    allowed_models: AllowedModels
    allowed_tools: AllowedTools = Field(default_factory=list)
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    requests_per_day: Limit | None = None
    tokens_per_day: Limit | None = None
    monthly_budget_usd: Usd | None = None
    expires_at: UtcTime | None = None
    team: Name | None = None
    metadata: Metadata = Field(default_factory=dict)


class ApiKeyCreate(ApiKeySettings):
    """Body of `POST /openai/v1/api-keys`.

    `name` is what usage is booked under, so it stays as it was created. `managed_by` names the
    stack that owns the key (lists filter by it) and `declared_as` its place in that stack: live
    keys of different lineages never share `managed_by`, `declared_as` and `name` (409
    `already_declared`), so no run mints a second key. `replaces` is the id of the key that this
    one succeeds: the new key joins its lineage, and shares its budget.
    """

    name: Annotated[Name, REPLACE]
    managed_by: Address | None = None
    declared_as: Address | None = None
    replaces: Annotated[ObjectId | None, REPLACE] = None


class ApiKeyUpdate(WireModel):
    """Body of `PATCH /openai/v1/api-keys/{id}`: a field left out stays, `null` clears it."""

    allowed_models: AllowedModels | None = None
    allowed_tools: AllowedTools | None = None
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    requests_per_day: Limit | None = None
    tokens_per_day: Limit | None = None
    monthly_budget_usd: Usd | None = None
    expires_at: UtcTime | None = None
    team: Name | None = None
    metadata: Metadata | None = None
    managed_by: Address | None = None
    declared_as: Address | None = None
    disabled: bool | None = None


class EffectiveLimits(WireModel):
    """The limits in force after defaults; `None` is unlimited."""

    requests_per_minute: int | None
    tokens_per_minute: int | None
    requests_per_day: int | None
    tokens_per_day: int | None


class ApiKey(ApiKeySettings):
    """A key as every answer but the first shows it: without its value.

    `lineage_id` is the id of the lineage's first key and `generation` counts from 1; both carry
    over when a key replaces another. `last_used_at` is the time of the last request served.
    """

    object: Literal["api_key"] = "api_key"
    id: ObjectId
    name: Name
    managed_by: Address | None
    declared_as: Address | None
    replaces: ObjectId | None
    lineage_id: ObjectId
    generation: int
    status: KeyStatus
    effective_limits: EffectiveLimits
    last_four: Annotated[str, Field(min_length=4, max_length=4)]
    created_at: UtcTime
    updated_at: UtcTime
    last_used_at: UtcTime | None


class ApiKeyCreated(ApiKey):
    """The answer to a create: the only one that holds the key's value."""

    api_key: Annotated[str, SECRET, Field(repr=False)]


class ApiKeyPage(WireModel):
    """One page of keys, oldest first. `after=last_id` asks for the next while `has_more`.

    `as_of` is the server's time: whoever reckons with ages and last uses has its clock at hand.
    """

    object: Literal["list"] = "list"
    as_of: UtcTime
    data: list[ApiKey]
    first_id: ObjectId | None
    last_id: ObjectId | None
    has_more: bool


class Deleted(WireModel):
    """The answer to a delete."""

    object: Literal["api_key.deleted", "team.deleted", "spend_policy.deleted"]
    id: str
    deleted: Literal[True] = True
