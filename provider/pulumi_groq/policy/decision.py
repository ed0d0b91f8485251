"""May this request pass? A pure function of the key, what it asks for, what was used, and the time."""

from dataclasses import dataclass
from datetime import datetime

from pulumi_groq.policy import messages
from pulumi_groq.policy.access import KeyAccess, OrganisationPolicy
from pulumi_groq.policy.bucket import used
from pulumi_groq.policy.limits import Charge, Levels, rate_charges, refusing
from pulumi_groq.policy.metering import Demand, Denial
from pulumi_groq.policy.spend import month_of, spend_charges


@dataclass(frozen=True, slots=True)
class Allow:
    """The request may pass once all `charges` are taken."""

    charges: tuple[Charge, ...]


def charges_of(
    key: KeyAccess, demand: Demand, organisation: OrganisationPolicy | None, now: datetime
) -> tuple[Charge, ...]:
    """Everything the request takes, in the order in which the limits refuse.

    Spending comes first: where it refuses, waiting for a rate limit would not help.
    """
    return (*spend_charges(key, demand, organisation, month_of(now)), *rate_charges(key, demand))


def decide(
    key: KeyAccess,
    demand: Demand,
    organisation: OrganisationPolicy | None,
    levels: Levels,
    now: datetime,
    organisation_id: str = messages.ORGANISATION_ID,
) -> Allow | Denial:
    """Allow the request, or say why not. `levels` holds every limit that `charges_of` names.

    A request fits where level + worst case is at most the limit, so the cap and budgets are never
    exceeded by what is reserved. The first exhausted limit refuses. Whether the key may use the
    model is asked before. The gateway takes these same steps with its counters' atomic `take` in the
    place of `refusing`, so that nothing comes between reading the levels and taking from them.
    """
    charges = charges_of(key, demand, organisation, now)
    refused = refusing(charges, levels)
    if refused is None:
        return Allow(charges)
    return denial_of(demand, refused, levels, month_of(now), organisation_id)


def denial_of(demand: Demand, refused: Charge, levels: Levels, month: str, organisation_id: str) -> Denial:
    """The answer to a request that the `refused` charge did not fit."""
    if refused.limit == "cap":
        return messages.cap_reached(month)
    if refused.limit == "budget":
        return messages.budget_reached(month, refused.ceiling or 0)
    if refused.amount > (refused.ceiling or 0):
        return messages.request_too_large(demand.model, refused, organisation_id)
    return messages.rate_limited(demand.model, refused, used(levels[refused.limit]), organisation_id)
