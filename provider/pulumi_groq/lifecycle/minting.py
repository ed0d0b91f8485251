"""Creating a key so that a lost answer loses nothing."""

import hashlib
from typing import Final

from pulumi_groq.admin import AdminClient, CreatedKey
from pulumi_groq.errors import ConfigurationError, ConflictError, NotFoundError
from pulumi_groq.lifecycle.key_state import ApiKeyArgs
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.ownership import place_of

_LONGEST_QUIET_S: Final = 366 * 24 * 3600
_LEFT_BEHIND: Final = frozenset({"already_declared", "already_replaced", "idempotency_key_expired"})


def mint(client: AdminClient, args: ApiKeyArgs, claim: str, replaces: str | None) -> CreatedKey:
    """Create the key that `args` declare, or the successor of the key `replaces`, held by `claim`.

    The idempotency key follows from the body without the claim, so the next run sends the same one
    and gets the same key, value included, if this run's answer is lost. Where the server cannot
    replay it (the body has changed since, or 24 hours have passed) the key left behind is deleted
    first; one that has served traffic is in somebody's hands, and then this raises ConflictError, and
    ConfigurationError for one that is declared elsewhere by now.
    """
    created = _create(client, args.creation(claim, replaces))
    if not args.disabled:
        return created
    disabled = client.update_key(created.key.id, args.update({"disabled": True}, claim))
    return CreatedKey(created.key.model_copy(update={"status": disabled.status}), created.replayed)


def _create(client: AdminClient, body: ApiKeyCreate) -> CreatedKey:
    token = hashlib.sha256(body.model_dump_json(exclude={"claim"}).encode()).hexdigest()
    try:
        return client.create_key(body, token)
    except ConflictError as error:
        if error.code not in _LEFT_BEHIND or error.key_id is None:
            raise
        left_behind = error.key_id
    _discard(client, body, left_behind)
    return client.create_key(body, token)


def _discard(client: AdminClient, body: ApiKeyCreate, key_id: str) -> None:
    name = body.name
    try:
        left_behind = client.get_key(key_id)
    except NotFoundError:
        return
    if (left_behind.managed_by, left_behind.declared_as) != (body.managed_by, body.declared_as):
        raise ConfigurationError(
            f"API key '{name}' ({key_id}), which this declaration created, is {place_of(left_behind)} now: "
            f"take it over with adopt_key_id='{key_id}', or declare another name"
        )
    try:
        client.delete_key(key_id, unless_used_within_s=_LONGEST_QUIET_S)
    except ConflictError as error:
        raise error.reworded(
            f"API key '{name}' ({key_id}) exists for this declaration and is in use: take it over with "
            f"adopt_key_id='{key_id}', rotate it instead of replacing it, or delete it first"
        ) from None
