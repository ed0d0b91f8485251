"""Past usage, denials and changes as the admin API lists them."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, StringConstraints

from pulumi_groq.models.fields import ManagedBy, ModelId, Name, ObjectId, UtcTime, WireModel
from pulumi_groq.models.spend_policy import Amount

LARGEST_HISTORY_PAGE = 1_000
LARGEST_SPAN_DAYS = 366


def _day(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
"""A UTC calendar day; on the wire `YYYY-MM-DD`."""

UsageGroup = Literal["day", "key", "team", "model"]
DenialGroup = Literal["day", "key", "model", "reason"]
ObjectKind = Literal["api_key", "team", "spend_policy", "admin_key", "workload_identity"]
ChangeAction = Literal["created", "updated", "deleted", "paused", "resumed", "exchanged", "refused"]
"""What was done to an object, or with a token of a workload: exchanged for a credential, or refused."""

ACTS: tuple[ChangeAction, ...] = ("created", "updated", "deleted", "paused", "resumed")
"""The actions that change something."""


Cursor = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[A-Za-z0-9_-]+$")]
"""Where a page ended; only the server can read it."""


AsOf = Annotated[UtcTime, Field(description="The server's time when it answered (UTC).")]
Since = Annotated[Day, Field(description="The first day that counts (UTC).")]
Until = Annotated[Day, Field(description="The last day that counts (UTC).")]
Next = Annotated[
    Cursor | None, Field(description="What `after` has to be for the next page; null on the last.")
]
BucketDay = Annotated[Day | None, Field(description="The day (UTC).")]
BucketKeyId = Annotated[ObjectId | None, Field(description="The key's id.")]
BucketKeyName = Annotated[Name | None, Field(description="The key's name; a deleted key keeps it.")]


class UsageBucket(WireModel):
    """Usage of one group. What is not grouped by is `None`.

    Grouped by key, `key_name`, `team` and `lineage_id` are the key's; a deleted key keeps them.
    """

    day: BucketDay = None
    key_id: BucketKeyId = None
    key_name: BucketKeyName = None
    lineage_id: Annotated[ObjectId | None, Field(description="Id of the first key of the key's lineage.")] = (
        None
    )
    team: Annotated[Name | None, Field(description="The team's name; null for keys without a team.")] = None
    model: Annotated[ModelId | None, Field(description="The model's id.")] = None
    requests: Annotated[int, Field(description="Requests that were served.")]
    prompt_tokens: Annotated[int, Field(description="Prompt tokens, cached ones included.")]
    cached_tokens: Annotated[int, Field(description="Prompt tokens that the upstream had in its cache.")]
    completion_tokens: Annotated[int, Field(description="Completion tokens.")]
    cost_usd: Annotated[Amount, Field(description="What the requests cost, in US dollars.")]

    @property
    def tokens(self) -> int:
        """Prompt plus completion."""
        return self.prompt_tokens + self.completion_tokens


class UsagePage(WireModel):
    """One page of buckets, ordered by their group; `after=next` asks for more while `next` is not null.

    Days are UTC, `since` and `until` included. A request is included within a second of being settled.
    """

    object: Literal["list"] = Field("list", description="The kind of object.")
    as_of: AsOf
    since: Since
    until: Until
    data: Annotated[list[UsageBucket], Field(description="The page's groups.")]
    next: Next


class DenialBucket(WireModel):
    """Requests that the gateway refused. What is not grouped by is `None`."""

    day: BucketDay = None
    key_id: BucketKeyId = None
    key_name: BucketKeyName = None
    model: Annotated[
        str | None,
        Field(
            description="The model's id; empty where the request was refused before its model was looked up."
        ),
    ] = None
    reason: Annotated[
        str | None, Field(description="Why, such as `requests_per_minute` or `model_not_available`.")
    ] = None
    requests: Annotated[int, Field(description="Requests that were refused.")]


class DenialPage(WireModel):
    """One page of denials, paged as usage is."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    as_of: AsOf
    since: Since
    until: Until
    data: Annotated[list[DenialBucket], Field(description="The page's groups.")]
    next: Next


class Change(WireModel):
    """One change of a key, an admin key, a team, a workload identity or the spending policy: who did what,
    from what to what; or one exchange of a workload's token.

    The value of a secret is in none of them; a secret that changed is named in `fields` alone.
    """

    id: Annotated[int, Field(ge=1, description="The change's number; a later one has a larger number.")]
    at: Annotated[UtcTime, Field(description="When it was made (UTC).")]
    kind: Annotated[ObjectKind, Field(description="The kind of object that was changed.")]
    object_id: Annotated[
        str,
        Field(description="The object's id, the team's name, or `spend_policy`; empty for a refused token."),
    ]
    name: Annotated[str, Field(description="What the object is called.")]
    action: Annotated[ChangeAction, Field(description="What was done.")]
    fields: Annotated[list[str], Field(description="The names of the fields that an update changed.")]
    before: dict[str, JsonValue] = Field(
        default_factory=dict, description="What they were; of a deleted object, all that was set."
    )
    after: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="What they became; of a new object, all that is set; of an exchange, what came of it.",
    )
    managed_by: ManagedBy
    actor: str = Field(
        "",
        description="Who did it: the id of an admin key or a workload identity, `root` (GROQ_ADMIN_KEY), or "
        "`gateway`, which pauses keys by itself; empty where a token was refused.",
    )
    subject: str | None = Field(None, description="Whom the token of a workload identity was issued to.")
    role: str = Field("", description="The role that the actor had; empty on the inference plane.")
    address: str = Field("", description="The address that the request came from.")
    request_id: str = Field("", description="Id of the request, as `x-request-id` gave it.")
    previous_hash: str = Field("", description="The `hash` of the change before; 64 zeros at the beginning.")
    hash: str = Field("", description="SHA-256 over every other field but `id`, as hexadecimal digits.")


class ChangePage(WireModel):
    """Changes, newest first; `before=last_id` asks for older ones while `has_more`."""

    object: Literal["list"] = Field("list", description="The kind of object.")
    data: Annotated[list[Change], Field(description="The page's changes.")]
    last_id: Annotated[int | None, Field(description="Number of the page's last change; null without any.")]
    has_more: Annotated[bool, Field(description="Whether older changes follow.")]
