"""Usage as `GET /openai/v1/usage` answers it."""

from typing import Annotated, Literal

from pydantic import Field

from pulumi_groq.models.fields import LastUsedAt, Name, ObjectId, UtcTime, WireModel
from pulumi_groq.models.runaway import RunawayWatch
from pulumi_groq.models.spend_policy import Amount


class UsageTotals(WireModel):
    """Sums over a span of time."""

    requests: Annotated[int, Field(description="Requests that were served.")]
    tokens: Annotated[int, Field(description="Tokens, prompt plus completion.")]
    cost_usd: Annotated[Amount, Field(description="What the requests cost, in US dollars.")]


class KeyUsage(WireModel):
    """One key's usage."""

    key_id: Annotated[ObjectId, Field(description="The key's id.")]
    key_name: Annotated[Name, Field(description="The key's name.")]
    team: Annotated[Name | None, Field(description="The name of the key's team; null without one.")]
    requests_today: Annotated[int, Field(description="Requests served since midnight (UTC).")]
    tokens_today: Annotated[int, Field(description="Tokens since midnight (UTC), prompt plus completion.")]
    estimated_cost_usd: Annotated[
        Amount, Field(description="What the requests since midnight (UTC) cost, in US dollars.")
    ]
    last_used_at: LastUsedAt
    month_to_date: Annotated[UsageTotals, Field(description="The running calendar month (UTC).")]
    runaway: Annotated[
        RunawayWatch | None,
        Field(description="The spend that the key's guard watches; null for keys without one."),
    ] = None
    deleted: Annotated[bool, Field(description="Whether the key is deleted.")] = False


class Usage(WireModel):
    """Usage of every key that exists, and of deleted ones that were used this month."""

    object: Literal["usage"] = Field("usage", description="The kind of object.")
    as_of: Annotated[UtcTime, Field(description="The server's time when it answered (UTC).")]
    month: Annotated[str, Field(description="The running calendar month (UTC), as `YYYY-MM`.")]
    usage_by_key: Annotated[list[KeyUsage], Field(description="Usage of each key.")]
    month_to_date: Annotated[UsageTotals, Field(description="The sums of the running month over all keys.")]
