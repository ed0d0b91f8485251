"""May this request pass? What it takes, and the answer where that does not fit.

Between the two stands the counters' atomic `take`, which asks `limits.refusing`: so nothing comes
between reading the levels and taking from them. A request fits where level + worst case is at most
the limit, so the cap and budgets are never exceeded by what is reserved.
"""

from datetime import datetime

from pulumi_groq.policy import messages
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.bucket import used
from pulumi_groq.policy.limits import Charge, Levels, rate_charges
from pulumi_groq.policy.metering import Demand, Denial
from pulumi_groq.policy.spend import month_of, spend_charges


def charges_of(
    key: KeyAccess, demand: Demand, organisation: OrganisationPolicy | None, now: datetime
) -> tuple[Charge, ...]:
    """Everything the request takes, in the order in which the limits refuse.

    Spending comes first: where it refuses, waiting for a rate limit would not help.
    """
    return (*spend_charges(key, demand, organisation, month_of(now)), *rate_charges(key, demand))


def denial_of(demand: Demand, refused: Charge, levels: Levels, month: str, organisation_id: str) -> Denial:
    """The answer to a request that the `refused` charge did not fit."""
    if refused.limit == "cap":
        return messages.cap_reached(month)
    if refused.limit == "budget":
        return messages.budget_reached(month, refused.ceiling or 0)
    if refused.amount > (refused.ceiling or 0):
        return messages.request_too_large(demand.model, refused, organisation_id)
    return messages.rate_limited(demand.model, refused, used(levels[refused.limit]), organisation_id)
