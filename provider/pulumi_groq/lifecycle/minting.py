"""Creating a key so that a lost answer loses nothing."""

import hashlib
from typing import Final

from pulumi_groq.errors import ConfigurationError, ConflictError, NotFoundError
from pulumi_groq.lifecycle.key_calls import KeyCalls, Minted
from pulumi_groq.lifecycle.rotated_key import RotatedKeyArgs, ServedKey
from pulumi_groq.models.ownership import place_of

_LONGEST_QUIET_S: Final = 366 * 24 * 3600
_LEFT_BEHIND: Final = frozenset({"already_declared", "already_replaced", "idempotency_key_expired"})


def mint(calls: KeyCalls, args: RotatedKeyArgs, claim: str, replaces: str | None) -> Minted:
    """Create the key that `args` declare, or the successor of the key `replaces`, held by `claim`.

    The idempotency key follows from the body without the claim, so the next run sends the same one
    and gets the same key, value included, if this run's answer is lost. Where the server cannot
    replay it (the body has changed since, or 24 hours have passed) the key left behind is deleted
    first; one that has been used is in somebody's hands, and then this raises ConflictError, and
    ConfigurationError for one that is declared elsewhere by now, or was rotated: some state had its value.
    """
    body = args.creation(claim, replaces)
    token = hashlib.sha256(body.model_dump_json(exclude={"claim"}).encode()).hexdigest()
    try:
        created = calls.create(body, token)
    except ConflictError as error:
        if error.code not in _LEFT_BEHIND or error.key_id is None:
            raise
        _discard(calls, args, error.key_id, is_successor=replaces is not None)
        created = calls.create(body, token)
    if not getattr(args, "disabled", False):
        return created
    return created._replace(key=calls.update(created.key.id, args.update({"disabled": True}, claim)))


def _discard(calls: KeyCalls, args: RotatedKeyArgs, key_id: str, *, is_successor: bool) -> None:
    what = f"{calls.noun} '{args.name}' ({key_id})"
    try:
        left_behind = calls.get(key_id)
    except NotFoundError:
        return
    if (left_behind.managed_by, left_behind.declared_as) != (args.managed_by, args.declared_as):
        raise ConfigurationError(
            f"{what}, which this declaration created, is {place_of(left_behind)} now: "
            f"take it over with adopt_key_id='{key_id}', or declare another name"
        )
    if not is_successor:
        _refuse_rotated(calls, left_behind)
    try:
        calls.delete(key_id, unless_used_within_s=_LONGEST_QUIET_S, claim=None)
    except ConflictError as error:
        raise error.reworded(
            f"{what} exists for this declaration and is in use: take it over with "
            f"adopt_key_id='{key_id}', rotate it instead of replacing it, or delete it first"
        ) from None


def _refuse_rotated(calls: KeyCalls, key: ServedKey) -> None:
    lineage = calls.lineage(key.lineage_id).keys.values()
    newest = max((key, *lineage), key=lambda each: each.generation)
    if newest.generation > 1:
        raise ConfigurationError(
            f"{calls.noun} '{newest.name}' ({newest.id}) exists for this declaration and was rotated: "
            f"take it over with adopt_key_id='{newest.id}', rotate it instead of replacing it, or delete it "
            "first"
        )
