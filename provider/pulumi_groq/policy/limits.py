"""What a request takes from each counter, and which one refuses it: all of them, or nothing is taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.bucket import DRIFT
from pulumi_groq.policy.metering import Demand

LimitName = Literal[
    "cap", "budget", "requests_per_minute", "requests_per_day", "tokens_per_minute", "tokens_per_day"
]
Unit = Literal["requests", "tokens", "micro_usd"]

MINUTE_S: Final = 60
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Quota:
    """One counter that a key's requests are counted in; the same for all of them until the policy changes.

    `cell` names the counter; `ceiling` is what it may hold (`None`: it only counts); `window_s` is
    how long a full one takes to drain (`None`: a total that never drains).
    """

    limit: LimitName
    cell: str
    unit: Unit
    ceiling: int | None
    window_s: int | None


Amounts = Mapping[Unit, int]
"""What one request asks of the counters of each unit."""

Levels = Sequence[float]
"""What each counter holds, in the order of the quotas: spent or drained level, plus what requests in
flight have reserved."""


def amounts_of(demand: Demand) -> Amounts:
    """The demand by unit."""
    return {"requests": 1, "tokens": demand.tokens, "micro_usd": demand.cost_micro_usd}


def rate_quotas(key: KeyAccess) -> list[Quota]:
    """The key's own rate limits, in the order in which they refuse; unlimited ones left out."""
    limits, key_id = key.limits, key.key_id
    quotas = (
        Quota("requests_per_minute", f"rpm:{key_id}", "requests", limits.requests_per_minute, MINUTE_S),
        Quota("requests_per_day", f"rpd:{key_id}", "requests", limits.requests_per_day, DAY_S),
        Quota("tokens_per_minute", f"tpm:{key_id}", "tokens", limits.tokens_per_minute, MINUTE_S),
        Quota("tokens_per_day", f"tpd:{key_id}", "tokens", limits.tokens_per_day, DAY_S),
    )
    return [quota for quota in quotas if quota.ceiling is not None]


def refusing(quotas: Sequence[Quota], amounts: Amounts, levels: Levels) -> Quota | None:
    """The first quota that the amounts do not fit, or `None`. Counters of every kind decide by this."""
    for quota, level in zip(quotas, levels, strict=True):
        ceiling = quota.ceiling
        if ceiling is not None and level + amounts[quota.unit] > ceiling + DRIFT:
            return quota
    return None
