"""What must hold for an admin key to be written."""

from collections.abc import Sequence

from pulumi_groq.gateway.admin.refusals import Conflict, Missing, shown
from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord


def require_own_admin_address(
    others: Sequence[AdminKeyRecord], managed_by: str | None, declared_as: str | None, name: str
) -> None:
    """None of `others`, keys of other lineages, stands at this place of the same stack under this name."""
    if managed_by is None or declared_as is None:
        return
    for other in others:
        if (other.managed_by, other.declared_as, other.name) == (managed_by, declared_as, name):
            raise Conflict(
                f"Admin key {other.id} is declared as {shown(declared_as)} of {shown(managed_by)} under this "
                "name already: adopt it, or delete it first",
                code="already_declared",
                param="declared_as",
                key_id=other.id,
            )


def require_admin_successor(made: Sequence[AdminKeyRecord], replaces: str) -> AdminKeyRecord:
    """The key of `made`, all live ones, that a new one may replace: the newest of its lineage, and the only
    live one.
    """
    parent = next((each for each in made if each.id == replaces), None)
    if parent is None:
        raise Missing(
            f"There is no admin key with the id {shown(replaces)}",
            code="admin_key_not_found",
            param="replaces",
        )
    lineage = [each for each in made if each.lineage_id == parent.lineage_id]
    living = sorted(lineage, key=lambda each: each.generation)
    newest = living[-1]
    if newest.id != parent.id:
        raise Conflict(
            f"Admin key {parent.id} has been replaced by {newest.id} already: replace that one",
            code="already_replaced",
            param="replaces",
            key_id=newest.id,
        )
    if len(living) > 1:
        raise Conflict(
            f"Admin key {living[0].id} of the same lineage is still live: it must be deleted before "
            f"{parent.id} can be replaced",
            code="rotation_in_progress",
            param="replaces",
            key_id=living[0].id,
        )
    return parent
