"""Usage as `GET /openai/v1/usage` answers it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from pulumi_groq.models.budgets import Per
from pulumi_groq.models.fields import LastUsedAt, ModelId, Name, ObjectId, UtcTime, WireModel
from pulumi_groq.models.runaway import RunawayWatch
from pulumi_groq.models.spend_policy import Amount


class UsageTotals(WireModel):
    """Sums over a span of time."""

    requests: Annotated[int, Field(description="Requests that were served.")]
    tokens: Annotated[int, Field(description="Tokens, prompt plus completion.")]
    cost_usd: Annotated[Amount, Field(description="What the requests cost, in US dollars.")]


class BudgetUse(WireModel):
    """A budget, and what is spent of it in the hour, day, week or month that runs."""

    per: Annotated[
        Per, Field(description="The window in UTC: `hour`, `day`, `week` (from Monday) or `month`.")
    ]
    model: Annotated[
        ModelId | None, Field(description="The model that the budget is for; null where it is for all.")
    ] = None
    budget_usd: Annotated[Amount, Field(description="The budget in US dollars.")]
    spent_usd: Annotated[
        Amount, Field(description="US dollars that requests cost which were admitted in the window.")
    ]
    remaining_usd: Annotated[
        Amount,
        Field(description="US dollars that are left of it; negative where it was lowered below its spend."),
    ]
    resets_at: Annotated[UtcTime, Field(description="When the next window begins (UTC).")]


_BOOKED: Final = "as booked, which lags a second at most"


class KeyUsage(WireModel):
    """One key's usage."""

    key_id: Annotated[ObjectId, Field(description="The key's id.")]
    key_name: Annotated[Name, Field(description="The key's name.")]
    team: Annotated[Name | None, Field(description="The name of the key's team; null without one.")]
    identity: Annotated[
        Name | None,
        Field(
            description="The name of the workload identity, where the row is one of its subjects'; null for "
            "keys."
        ),
    ] = None
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
    budgets: Annotated[
        list[BudgetUse],
        Field(
            description="The key's budgets, those of single models included, and what is spent of them "
            f"({_BOOKED}): a rotated key shares them with its successor, and the workloads of an identity "
            "share theirs."
        ),
    ] = Field(default_factory=list)
    deleted: Annotated[bool, Field(description="Whether the key is deleted.")] = False


class TeamUsage(WireModel):
    """What the keys of a team have spent together of its budgets."""

    team: Annotated[Name, Field(description="The team's name.")]
    budgets: Annotated[
        list[BudgetUse], Field(description=f"The team's budgets, and what is spent of them ({_BOOKED}).")
    ]


class Usage(WireModel):
    """Usage of every key that exists, and of deleted ones that were used this month."""

    object: Literal["usage"] = Field("usage", description="The kind of object.")
    as_of: Annotated[UtcTime, Field(description="The server's time when it answered (UTC).")]
    month: Annotated[str, Field(description="The running calendar month (UTC), as `YYYY-MM`.")]
    usage_by_key: Annotated[list[KeyUsage], Field(description="Usage of each key.")]
    usage_by_team: Annotated[list[TeamUsage], Field(description="The teams that have budgets, by name.")] = (
        Field(default_factory=list)
    )
    budgets: Annotated[
        list[BudgetUse],
        Field(
            description="The organisation's budgets and its cap, and what is spent of them "
            f"({_BOOKED}); empty for callers that may not read its spending."
        ),
    ] = Field(default_factory=list)
    month_to_date: Annotated[UsageTotals, Field(description="The sums of the running month over all keys.")]
