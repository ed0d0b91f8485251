"""How much of an upstream's limit each key may have while it is scarce."""

from collections.abc import Mapping
from typing import Final, NamedTuple

NEAR: Final = 0.8
"""From this part of a limit on keys are held to their shares; the rest is there for those that are below."""


class Claim(NamedTuple):
    """What a key has asked for within the limit's window, and its weight."""

    weight: int
    asked: int


def entitlement(limit: float, claims: Mapping[str, Claim], who: str) -> float:
    """What `who`, one of `claims`, may have of `limit`: max-min fair by weight. Whoever asks for less than
    its share leaves the rest to the others, by their weights; nobody gets less than its share for that.
    """
    left = limit
    wanting = dict(claims)
    while True:
        total = sum(claim.weight for claim in wanting.values())
        content = {
            name: claim for name, claim in wanting.items() if claim.asked <= left * claim.weight / total
        }
        if who in content or not content:
            return left * wanting[who].weight / total
        left -= sum(claim.asked for claim in content.values())
        for name in content:
            del wanting[name]
