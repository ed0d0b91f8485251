"""Usage as `GET /openai/v1/usage` answers it."""

from typing import Literal

from pulumi_groq.models.fields import Name, ObjectId, UtcTime, WireModel
from pulumi_groq.models.spend_policy import Amount


class UsageTotals(WireModel):
    """Sums over a span of time; tokens are prompt plus completion."""

    requests: int
    tokens: int
    cost_usd: Amount


class KeyUsage(WireModel):
    """One key's usage. Days and months are UTC; `estimated_cost_usd` is today's."""

    key_id: ObjectId
    key_name: Name
    team: Name | None
    requests_today: int
    tokens_today: int
    estimated_cost_usd: Amount
    last_used_at: UtcTime | None
    month_to_date: UsageTotals
    deleted: bool = False


class Usage(WireModel):
    """Usage of every key that exists, and of deleted ones that were used this month."""

    object: Literal["usage"] = "usage"
    as_of: UtcTime
    month: str
    usage_by_key: list[KeyUsage]
    month_to_date: UsageTotals
