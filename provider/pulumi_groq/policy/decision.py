"""May this request pass? What it takes, and the answer if that does not fit.

Between the two comes the counters' atomic `take`, which asks `limits.refusing`, so nothing comes
between reading the levels and taking from them. A request fits where level + worst case is at most
the limit, so the cap and budgets are never exceeded by what is reserved.
"""

from collections.abc import Sequence

from pulumi_groq.policy import messages
from pulumi_groq.policy.limits import (
    Allowance,
    Demand,
    Denial,
    Levels,
    Quota,
    SpendLevel,
    amount_of,
    used,
)


def denial_of(
    demand: Demand,
    quotas: Sequence[Quota],
    position: int,
    levels: Levels,
    reserved: Levels,
    organisation_id: str,
) -> Denial:
    """The answer to a request that did not fit the quota at `position`.

    `levels` are those of all the quotas' counters, `reserved` the part of them that running requests hold.
    """
    refused = quotas[position]
    if refused.unit == "micro_usd":
        return _spending_denial(demand, quotas, levels, reserved)
    if refused.unit == "running":
        return messages.too_many_running(demand, refused, int(levels[position]), organisation_id)
    if amount_of(refused, demand) > (refused.ceiling or 0):
        return messages.request_too_large(demand, refused, organisation_id)
    return messages.rate_limited(demand, refused, used(levels[position]), organisation_id)


def _spending_denial(demand: Demand, quotas: Sequence[Quota], levels: Levels, reserved: Levels) -> Denial:
    """400 where what is spent already leaves too little; 429 where only running requests stand in the way,
    which will give most of it back. Where both hold, of two limits, the 400: waiting would not help; of
    several that leave too little the one that does so for the longest.
    """
    cost = demand.cost_micro_usd
    limits = [
        SpendLevel(quota, quota.ceiling, int(levels[position] - reserved[position]), int(reserved[position]))
        for position, quota in enumerate(quotas)
        if quota.unit == "micro_usd" and quota.ceiling is not None
    ]
    refusing = [limit for limit in limits if cost > limit.left_now_micro_usd]
    lasting = [limit for limit in refusing if cost > limit.left_later_micro_usd]
    allowance = Allowance(
        min(limit.left_now_micro_usd for limit in limits),
        min(limit.left_later_micro_usd for limit in limits),
        min(
            (quota.ceiling for quota in quotas if quota.unit == "tokens" and quota.ceiling is not None),
            default=None,
        ),
    )
    if lasting:
        longest = max(lasting, key=lambda limit: limit.until_s)
        return messages.spending_reached(longest, cost, allowance)
    return messages.spending_reserved(refusing[0], cost, allowance)
