"""Whose tokens a workload identity trusts, as reports read it."""

from typing import Final

from pulumi_groq.policy.trust import Gives, Trust
from pulumi_groq.reports.settings import IdentitySettings

TRUST_FIELDS: Final = ("issuer", "audience", "claims", "claim_patterns")

_READS: Final = frozenset({"viewer", "auditor"})


def trust_of(identity: IdentitySettings) -> Trust | None:
    """The trust that `identity` declares; `None` where some of it cannot be seen."""
    if identity.hidden.intersection((*TRUST_FIELDS, "admin_role")):
        return None
    role = identity.admin_role
    gives: Gives = "use" if role is None else "read" if role in _READS else "change"
    return Trust(identity.issuer, identity.audience, identity.claims, identity.claim_patterns, gives)


def trusts_more(before: IdentitySettings, after: IdentitySettings) -> tuple[str, ...]:
    """The fields by which `after` may accept tokens that `before` does not: all but further claims."""
    return tuple(
        name
        for name in TRUST_FIELDS
        if getattr(before, name) != getattr(after, name)
        and not (
            isinstance(old := getattr(before, name), dict) and old.items() <= getattr(after, name).items()
        )
    )
