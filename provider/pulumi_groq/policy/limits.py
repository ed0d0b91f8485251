"""What a request takes from each counter, and which one refuses it: all of them, or nothing is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
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

    `counter_key` names the counter; `ceiling` is what it may hold (`None`: it only counts); `window_s` is
    how long a full one takes to drain (`None`: a total that never drains).
    """

    limit: LimitName
    counter_key: str
    unit: Unit
    ceiling: int | None
    window_s: int | None


Levels = Sequence[float]
"""What each counter holds, in the order of the quotas: spent or drained level, plus what requests in
flight have reserved."""


def amount_of(quota: Quota, demand: Demand) -> int:
    """What one request asks of a quota's counter."""
    if quota.unit == "requests":
        return 1
    return demand.tokens if quota.unit == "tokens" else demand.cost_micro_usd


def highest_levels(quotas: Sequence[Quota]) -> tuple[float, ...]:
    """What each counter may hold at the most; infinite where it only counts."""
    return tuple(inf if quota.ceiling is None else quota.ceiling + DRIFT for quota in quotas)


def refusing(highest: Levels, amounts: Sequence[int], levels: Levels) -> int | None:
    """The position of the first counter that its amount does not fit into, or `None`. Counters of every
    kind decide by this.
    """
    for position, (most, amount, level) in enumerate(zip(highest, amounts, levels, strict=True)):
        if level + amount > most:
            return position
    return None


def rate_quotas(key: KeyAccess) -> list[Quota]:
    """The key's own rate limits, in the order in which they refuse; unlimited ones left out.

    The keys of a lineage share the counters, so that a rotation's overlap does not double the rate.
    """
    limits, lineage_id = key.limits, key.lineage_id
    quotas = (
        Quota("requests_per_minute", f"rpm:{lineage_id}", "requests", limits.requests_per_minute, MINUTE_S),
        Quota("requests_per_day", f"rpd:{lineage_id}", "requests", limits.requests_per_day, DAY_S),
        Quota("tokens_per_minute", f"tpm:{lineage_id}", "tokens", limits.tokens_per_minute, MINUTE_S),
        Quota("tokens_per_day", f"tpd:{lineage_id}", "tokens", limits.tokens_per_day, DAY_S),
    )
    return [quota for quota in quotas if quota.ceiling is not None]
