"""`/openai/v1/api-keys`."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response

from pulumi_groq.gateway.admin.authorization import CallerOf, takes
from pulumi_groq.gateway.admin.idempotency import KeyT, Minted
from pulumi_groq.gateway.admin.identities import WorkloadIdentities
from pulumi_groq.gateway.admin.keys import Keys, PageQuery
from pulumi_groq.gateway.admin.minting import Minting
from pulumi_groq.gateway.admin.openapi import Responses, body_errors, errors
from pulumi_groq.gateway.admin.routes.claim import GivenUp, TakeOver
from pulumi_groq.gateway.store.keys import KeyQuery
from pulumi_groq.models.api_key import (
    ApiKey,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyPage,
    ApiKeyUpdate,
)
from pulumi_groq.models.consumer import ConsumerList
from pulumi_groq.models.fields import Address, Name, ObjectId
from pulumi_groq.models.ownership import Deleted
from pulumi_groq.models.workload_identity import WorkloadIdentity, is_identity_id

PATH: Final = "/openai/v1/api-keys"
LONGEST_QUIET_S: Final = 366 * 24 * 3600

UnlessUsedWithin = Annotated[
    int,
    Query(ge=1, le=LONGEST_QUIET_S, description="Refuse (409) if the key served in the last N seconds."),
]


def span_of(seconds: int | None) -> timedelta | None:
    """A query's seconds as a span of time."""
    return None if seconds is None else timedelta(seconds=seconds)


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key and body within 24 h give the same answer, the key's value included.",
    ),
]
KeyId = Annotated[str, Path(description="The key's id.")]
REPLAYED: Final[Responses] = {
    201: {
        "headers": {
            "idempotent-replayed": {
                "description": "`true` when an earlier request with this Idempotency-Key made the key.",
                "schema": {"type": "string", "enum": ["true"]},
            }
        }
    }
}


def shown_once(minted: Minted[KeyT], response: Response) -> KeyT:
    """The minted key, with the header of `REPLAYED` in the answer where it was made before."""
    if minted.replayed:
        response.headers["idempotent-replayed"] = "true"
    return minted.key


def key_routes(keys: Keys, minting: Minting, identities: WorkloadIdentities) -> APIRouter:
    """The routes over their handlers."""
    router = APIRouter(prefix=PATH, tags=["API keys"])

    @router.post(
        "",
        status_code=201,
        responses={**body_errors(404, 409), **REPLAYED},
        openapi_extra=takes("keys.write"),
    )
    def create_key(
        caller: CallerOf, body: ApiKeyCreate, response: Response, idempotency_key: IdempotencyKey = None
    ) -> ApiKeyCreated:
        """Create a key. The answer is the only one that holds its value."""
        return shown_once(minting.create(caller, body, idempotency_key), response)

    @router.get("", responses=errors(), openapi_extra=takes("keys.read"))
    def list_keys(
        caller: CallerOf,
        after: Annotated[ObjectId | None, Query(description="`last_id` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=100, description="The most keys on a page.")] = 20,
        name: Annotated[Name | None, Query(description="Only keys with exactly this name.")] = None,
        managed_by: Annotated[Address | None, Query(description="Only keys of this stack.")] = None,
        team: Annotated[Name | None, Query(description="Only keys of this team.")] = None,
        lineage_id: Annotated[ObjectId | None, Query(description="Only keys of this lineage.")] = None,
    ) -> ApiKeyPage:
        """List keys, oldest first."""
        match = KeyQuery(name=name, managed_by=managed_by, team=team, lineage_id=lineage_id)
        return keys.page(caller, PageQuery(match=match, after=after, limit=limit))

    @router.get("/{key_id}", responses=errors(404), openapi_extra=takes("keys.read"))
    def show_key(caller: CallerOf, key_id: KeyId) -> ApiKey:
        """Show a key."""
        return keys.show(caller, key_id)

    @router.get("/{key_id}/consumers", responses=errors(404), openapi_extra=takes("keys.read"))
    def list_consumers(caller: CallerOf, key_id: KeyId) -> ConsumerList:
        """List who used a key: its last request from each address and `User-Agent`."""
        return keys.consumers(caller, key_id)

    @router.patch("/{key_id}", responses=body_errors(404, 409), openapi_extra=takes("keys.write"))
    def update_key(
        caller: CallerOf, key_id: KeyId, body: ApiKeyUpdate, take_over: TakeOver = False
    ) -> ApiKey:
        """Change a key: a field left out stays, null clears it."""
        return keys.update(caller, key_id, body, take_over=take_over)

    @router.delete("/{key_id}/pause", responses=errors(404), openapi_extra=takes("keys.resume"))
    def resume_key(
        caller: CallerOf,
        key_id: Annotated[str, Path(description="The id of the key, or of the workload identity.")],
    ) -> ApiKey | WorkloadIdentity:
        """Let a key go on that was paused for runaway spend, and its lineage with it, or a workload identity;
        any other stays as it is.
        """
        if is_identity_id(key_id):
            return identities.resume(caller, key_id)
        return keys.resume(caller, key_id)

    @router.delete("/{key_id}", responses=errors(404, 409), openapi_extra=takes("keys.write"))
    def delete_key(
        caller: CallerOf,
        key_id: KeyId,
        unless_used_within_s: UnlessUsedWithin | None = None,
        claim: GivenUp = None,
    ) -> Deleted:
        """Delete a key: the next request with it is refused."""
        return keys.delete(caller, key_id, span_of(unless_used_within_s), claim)

    return router
