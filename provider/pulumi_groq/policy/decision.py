"""May this request pass? What it takes, and the answer where that does not fit.

Between the two stands the counters' atomic `take`, which asks `limits.refusing`: so nothing comes
between reading the levels and taking from them. A request fits where level + worst case is at most
the limit, so the cap and budgets are never exceeded by what is reserved.
"""

from pulumi_groq.policy import messages
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.bucket import used
from pulumi_groq.policy.limits import Quota, amount_of, rate_quotas
from pulumi_groq.policy.metering import Demand, Denial
from pulumi_groq.policy.spend import spend_quotas


def quotas_of(key: KeyAccess, organisation: OrganisationPolicy | None, month: str) -> tuple[Quota, ...]:
    """Everything that the key's requests are counted in, in the order in which the limits refuse.

    Spending comes first: where it refuses, waiting for a rate limit would not help.
    """
    return (*spend_quotas(key, organisation, month), *rate_quotas(key))


def denial_of(demand: Demand, refused: Quota, level: float, month: str, organisation_id: str) -> Denial:
    """The answer to a request that did not fit the `refused` quota, whose counter is at `level`."""
    ceiling = refused.ceiling or 0
    if refused.limit == "cap":
        return messages.cap_reached(month)
    if refused.limit == "budget":
        return messages.budget_reached(month, ceiling)
    if amount_of(refused, demand) > ceiling:
        return messages.request_too_large(demand, refused, organisation_id)
    return messages.rate_limited(demand, refused, used(level), organisation_id)
