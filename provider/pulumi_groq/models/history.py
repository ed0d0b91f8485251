"""Past usage, denials and changes as the admin API lists them."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from pulumi_groq.models.fields import Address, ModelId, Name, ObjectId, UtcTime, WireModel
from pulumi_groq.models.spend_policy import Amount

LARGEST_HISTORY_PAGE = 1_000
LARGEST_SPAN_DAYS = 366


def _day(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
"""A UTC calendar day; on the wire `YYYY-MM-DD`."""

UsageGroup = Literal["day", "key", "team", "model"]
DenialGroup = Literal["day", "key", "model", "reason"]
ObjectKind = Literal["api_key", "team", "spend_policy"]
ChangeAction = Literal["created", "updated", "deleted"]

Cursor = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[A-Za-z0-9_-]+$")]
"""Where a page ended; only the server can read it."""


class UsageBucket(WireModel):
    """Usage of one group. What is not grouped by is `None`; `team` is also `None` for keys without one.

    Grouped by key, `key_name`, `team` and `lineage_id` are the key's; a deleted key keeps them.
    `prompt_tokens` include `cached_tokens`.
    """

    day: Day | None = None
    key_id: ObjectId | None = None
    key_name: Name | None = None
    lineage_id: ObjectId | None = None
    team: Name | None = None
    model: ModelId | None = None
    requests: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: Amount

    @property
    def tokens(self) -> int:
        """Prompt plus completion."""
        return self.prompt_tokens + self.completion_tokens


class UsagePage(WireModel):
    """One page of buckets, ordered by what they are grouped by; `after=next` asks for more, unless null.

    Days are UTC, `since` and `until` included. A settled request is in it within a second.
    """

    object: Literal["list"] = "list"
    as_of: UtcTime
    since: Day
    until: Day
    data: list[UsageBucket]
    next: Cursor | None


class DenialBucket(WireModel):
    """Requests that the gateway refused. What is not grouped by is `None`.

    `model` is empty for a request that was refused before its model was known to be one of the key's.
    """

    day: Day | None = None
    key_id: ObjectId | None = None
    key_name: Name | None = None
    model: str | None = None
    reason: str | None = None
    requests: int


class DenialPage(WireModel):
    """One page of denials, paged as usage is."""

    object: Literal["list"] = "list"
    as_of: UtcTime
    since: Day
    until: Day
    data: list[DenialBucket]
    next: Cursor | None


class Change(WireModel):
    """One change of a key, a team or the spending policy: what was done to which fields, never their values.

    The admin API has one key, so it does not know people: `managed_by` says which stack a key
    belongs to. `object_id` is a key's id, a team's name, or `spend_policy`.
    """

    id: Annotated[int, Field(ge=1)]
    at: UtcTime
    kind: ObjectKind
    object_id: str
    name: str
    action: ChangeAction
    fields: list[str]
    managed_by: Address | None


class ChangePage(WireModel):
    """Changes, newest first; `before=last_id` asks for older ones while `has_more`. 10,000 are kept."""

    object: Literal["list"] = "list"
    data: list[Change]
    last_id: int | None
    has_more: bool
