"""What must hold for a key of either kind to stand at its place, and to succeed another."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pulumi_groq.gateway.admin.refusals import Conflict, shown
from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord
from pulumi_groq.gateway.store.keys import KeyRecord

RecordT = TypeVar("RecordT", KeyRecord, AdminKeyRecord)


def require_newest_alone(parent: RecordT, living: Sequence[RecordT]) -> None:
    """`parent`, which a new key is to replace, is the newest of its lineage, and the only live one.

    `living` are the live keys of the lineage, oldest first. Raises 409 `already_replaced` and
    `rotation_in_progress`.
    """
    newest = living[-1]
    if newest.id != parent.id:
        raise Conflict(
            f"{_kind(parent)} {parent.id} has been replaced by {newest.id} already: replace that one",
            code="already_replaced",
            param="replaces",
            key_id=newest.id,
        )
    if len(living) > 1:
        raise Conflict(
            f"{_kind(parent)} {living[0].id} of the same lineage is still live: it must be deleted before "
            f"{parent.id} can be replaced",
            code="rotation_in_progress",
            param="replaces",
            key_id=living[0].id,
        )


def require_own_place(record: RecordT, made: Iterable[RecordT]) -> None:
    """No live key of another lineage stands at the same place of the same stack under the same name. Raises
    409 `already_declared`.
    """
    if record.managed_by is None or record.declared_as is None:
        return
    place = (record.managed_by, record.declared_as, record.name)
    for other in made:
        is_there = (other.managed_by, other.declared_as, other.name) == place
        if is_there and other.lineage_id != record.lineage_id:
            raise Conflict(
                f"{_kind(other)} {other.id} is declared as {shown(record.declared_as)} of "
                f"{shown(record.managed_by)} under this name already: adopt it, or delete it first",
                code="already_declared",
                param="declared_as",
                key_id=other.id,
            )


def _kind(record: RecordT) -> str:
    return "API key" if isinstance(record, KeyRecord) else "Admin key"
