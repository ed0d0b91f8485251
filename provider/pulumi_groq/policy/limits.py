"""What a request takes from each limit, and which limit refuses it: all of them, or nothing is taken."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.bucket import DRIFT
from pulumi_groq.policy.metering import Demand

LimitName = Literal[
    "cap", "budget", "requests_per_minute", "requests_per_day", "tokens_per_minute", "tokens_per_day"
]
Unit = Literal["requests", "tokens", "micro_usd"]

MINUTE_S: Final = 60
DAY_S: Final = 86_400


class Charge(NamedTuple):
    """What a request asks of one counter.

    `cell` names the counter; `ceiling` is what it may hold (`None`: it only counts); `window_s` is
    how long a full one takes to drain (`None`: a total that never drains).
    """

    limit: LimitName
    cell: str
    unit: Unit
    amount: int
    ceiling: int | None
    window_s: int | None


Levels = Mapping[LimitName, float]
"""What each counter holds: spent or drained level, plus what requests in flight have reserved."""


def rate_charges(key: KeyAccess, demand: Demand) -> list[Charge]:
    """The charges on the key's own limits, in the order in which they refuse; unlimited ones left out."""
    limits = key.limits
    key_id = key.key_id
    tokens = demand.tokens
    charges: list[Charge] = []
    if (limit := limits.requests_per_minute) is not None:
        charges.append(Charge("requests_per_minute", f"rpm:{key_id}", "requests", 1, limit, MINUTE_S))
    if (limit := limits.requests_per_day) is not None:
        charges.append(Charge("requests_per_day", f"rpd:{key_id}", "requests", 1, limit, DAY_S))
    if (limit := limits.tokens_per_minute) is not None:
        charges.append(Charge("tokens_per_minute", f"tpm:{key_id}", "tokens", tokens, limit, MINUTE_S))
    if (limit := limits.tokens_per_day) is not None:
        charges.append(Charge("tokens_per_day", f"tpd:{key_id}", "tokens", tokens, limit, DAY_S))
    return charges


def refusing(charges: tuple[Charge, ...], levels: Levels) -> Charge | None:
    """The first charge that does not fit, or `None` when all do. Counters of every kind decide by this."""
    for charge in charges:
        limit, _, _, amount, ceiling, _ = charge
        if ceiling is not None and levels[limit] + amount > ceiling + DRIFT:
            return charge
    return None
