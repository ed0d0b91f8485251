"""`/openai/v1/admin-keys`."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from pulumi_groq.gateway.admin.admin_keys import AdminKeys
from pulumi_groq.gateway.admin.authorization import CallerOf, takes
from pulumi_groq.gateway.admin.openapi import body_errors, errors
from pulumi_groq.gateway.admin.routes.claim import GivenUp, TakeOver
from pulumi_groq.gateway.admin.routes.keys import (
    REPLAYED,
    IdempotencyKey,
    UnlessUsedWithin,
    shown_once,
    span_of,
)
from pulumi_groq.models.admin_key import (
    AdminKey,
    AdminKeyCreate,
    AdminKeyCreated,
    AdminKeyPage,
    AdminKeyUpdate,
)
from pulumi_groq.models.ownership import Deleted

PATH: Final = "/openai/v1/admin-keys"

AdminKeyId = Annotated[str, Path(description="The admin key's id.")]


def admin_key_routes(keys: AdminKeys) -> APIRouter:
    """The routes over their handlers."""
    router = APIRouter(prefix=PATH, tags=["Admin keys"])

    @router.post(
        "",
        status_code=201,
        responses={**body_errors(409), **REPLAYED},
        openapi_extra=takes("admin_keys.write"),
    )
    def create_admin_key(
        caller: CallerOf, body: AdminKeyCreate, response: Response, idempotency_key: IdempotencyKey = None
    ) -> AdminKeyCreated:
        """Create an admin key. The answer is the only one that holds its value."""
        return shown_once(keys.create(caller, body, idempotency_key), response)

    @router.get("", responses=errors(), openapi_extra=takes("admin_keys.read"))
    def list_admin_keys() -> AdminKeyPage:
        """List all admin keys, oldest first."""
        return keys.list()

    @router.get("/{key_id}", responses=errors(404), openapi_extra=takes("admin_keys.read"))
    def show_admin_key(key_id: AdminKeyId) -> AdminKey:
        """Show an admin key."""
        return keys.show(key_id)

    @router.patch("/{key_id}", responses=body_errors(404, 409), openapi_extra=takes("admin_keys.write"))
    def update_admin_key(
        caller: CallerOf, key_id: AdminKeyId, body: AdminKeyUpdate, take_over: TakeOver = False
    ) -> AdminKey:
        """Change an admin key: a field left out stays, null clears it."""
        return keys.update(caller, key_id, body, take_over=take_over)

    @router.delete("/{key_id}", responses=errors(404, 409), openapi_extra=takes("admin_keys.write"))
    def delete_admin_key(
        caller: CallerOf,
        key_id: AdminKeyId,
        unless_used_within_s: UnlessUsedWithin | None = None,
        claim: GivenUp = None,
    ) -> Deleted:
        """Delete an admin key: the next request with it is refused."""
        return keys.delete(caller, key_id, span_of(unless_used_within_s), claim)

    return router
