"""Who may change and delete an object: the declarations that hold it, the last to take it over its owner.

A run that is cut off between two steps leaves two declarations of one object behind, and either may be
the one that goes: the new one when the change is taken back. So a take-over keeps the former holders,
and the object is deleted when the last holder gives it up.

Another stack takes over only where it says so. Within one stack the last write wins: one program declares
it, and the change of place that it means may be finished or taken back.
"""

from dataclasses import replace
from typing import Final, TypeVar

from pulumi_groq.gateway.admin.refusals import Conflict, Invalid, shown
from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord
from pulumi_groq.gateway.store.holders import ClaimHolder
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.policies import PolicyRecord
from pulumi_groq.gateway.store.teams import TeamRecord
from pulumi_groq.models.admin_key import AdminKeyUpdate
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate
from pulumi_groq.models.ownership import Deleted, DeletedKind, Owned, place_of

MOST_FORMER_HOLDERS: Final = 100
"""Older ones are forgotten, so that no loop of take-overs fills the disk."""

RecordT = TypeVar("RecordT", KeyRecord, TeamRecord, PolicyRecord, AdminKeyRecord, IdentityRecord)


def require_holder(
    record: RecordT, by: Owned | ApiKeyCreate | ApiKeyUpdate | AdminKeyUpdate, *, take_over: bool = False
) -> None:
    """Raise 409 `held_elsewhere` where another stack holds what `by` writes, unless it is to take it over.

    A body without a claim is an administrator's, by hand.
    """
    is_holder = record.claim in (None, by.claim) or record.managed_by == by.managed_by
    if take_over or by.claim is None or is_holder:
        return
    what, argument, key_id = _words(record)
    raise Conflict(
        f"{what} belongs to another stack ({place_of(record)}): to take it over, declare it with {argument}, "
        "or send take_over=true",
        code="held_elsewhere",
        param="claim",
        key_id=key_id,
    )


def _words(record: RecordT) -> tuple[str, str, str | None]:
    """What the object is called, the argument that takes it over, and its id where it is a key."""
    match record:
        case KeyRecord() | AdminKeyRecord():
            kind = "API key" if isinstance(record, KeyRecord) else "Admin key"
            return f"{kind} {record.id}", f"adopt_key_id='{record.id}'", record.id
        case TeamRecord():
            what = f"Team {shown(record.name)}"
        case IdentityRecord():
            what = f"Workload identity {shown(record.name)}"
        case PolicyRecord():
            what = "The spending policy"
    return what, "adopt_existing=True", None


def put(record: RecordT, former: RecordT | None, by: Owned, *, take_over: bool) -> RecordT:
    """`record` as the body `by` of a PUT writes it over `former`. Raises 409 `held_elsewhere`."""
    if former is not None:
        require_holder(former, by, take_over=take_over)
    return taken(record, former, by)


def patched(
    record: RecordT, former: RecordT, update: ApiKeyUpdate | AdminKeyUpdate, *, take_over: bool
) -> RecordT:
    """`record`, which is `former` with the fields of `update`, owned by the declaration that it names.

    A place that is left out stays. Raises 409 `held_elsewhere`, and `Invalid` for a claim that is null.
    """
    if update.claim is None:
        if "claim" in update.model_fields_set:
            raise Invalid(
                "claim cannot be null: the owner keeps it until another takes over, so leave the field out",
                param="claim",
            )
        return record
    require_holder(former, update, take_over=take_over)
    owner = Owned(claim=update.claim, managed_by=record.managed_by, declared_as=record.declared_as)
    return taken(record, former, owner)


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


def _holders(record: RecordT) -> list[ClaimHolder]:
    """Every holder, the owner last."""
    if record.claim is None:
        return list(record.former_holders)
    return [*record.former_holders, ClaimHolder(record.managed_by, record.declared_as, record.claim)]
