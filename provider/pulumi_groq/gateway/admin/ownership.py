"""Who may delete an object: the declarations that hold it, the last to take it over being its owner.

A run that is cut off between two steps leaves two declarations of one object behind, and either may be
the one that goes: the new one when the change is taken back. So a take-over keeps the former holders,
and the object is deleted when the last holder gives it up.
"""

from dataclasses import replace
from typing import Final, TypeVar

from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord
from pulumi_groq.gateway.store.holders import Holder
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.policies import PolicyRecord
from pulumi_groq.gateway.store.teams import TeamRecord
from pulumi_groq.models.ownership import Deleted, DeletedKind, Owned

MOST_FORMER_HOLDERS: Final = 100
"""Older ones are forgotten, so that no loop of take-overs fills the disk."""

RecordT = TypeVar("RecordT", KeyRecord, TeamRecord, PolicyRecord, AdminKeyRecord, IdentityRecord)


def taken(record: RecordT, former: RecordT | None, by: Owned) -> RecordT:
    """`record` as written over `former`: owned by the declaration `by`, or as before where that says nothing.

    A declaration at a place that held it already takes the place of its own former claim: a create
    that is repeated because its answer was lost, or a replacement that the engine forces.
    """
    owner = record if former is None else former
    if by.claim is None:
        named = by.managed_by is not None or by.declared_as is not None
        return replace(
            record,
            managed_by=by.managed_by if named else owner.managed_by,
            declared_as=by.declared_as if named else owner.declared_as,
            claim=owner.claim,
            former_holders=owner.former_holders,
        )
    place = (by.managed_by, by.declared_as)
    others = [each for each in _holders(owner) if each.claim != by.claim and each[:2] != place]
    return replace(
        record,
        managed_by=by.managed_by,
        declared_as=by.declared_as,
        claim=by.claim,
        former_holders=tuple(others[-MOST_FORMER_HOLDERS:]),
    )


def given_up(record: RecordT, claim: str | None) -> RecordT | None:
    """`record` once the declaration with `claim` has given it up; `None` when it is to be deleted.

    Without a claim (an administrator by hand) it is deleted whoever holds it, and with any claim where
    nobody holds it.
    """
    holders = _holders(record)
    left = [each for each in holders if each.claim != claim]
    if claim is None or not left:
        return None
    owner = left[-1]
    return replace(
        record,
        managed_by=owner.managed_by,
        declared_as=owner.declared_as,
        claim=owner.claim,
        former_holders=tuple(left[:-1]),
    )


def kept(kind: DeletedKind, object_id: str, left: RecordT) -> Deleted:
    """The answer to a delete that left the object to `left`'s owner."""
    return Deleted(
        object=kind,
        id=object_id,
        deleted=False,
        managed_by=left.managed_by,
        declared_as=left.declared_as,
    )


def _holders(record: RecordT) -> list[Holder]:
    """Every holder, the owner last."""
    if record.claim is None:
        return list(record.former_holders)
    return [*record.former_holders, Holder(record.managed_by, record.declared_as, record.claim)]
