"""`GroqAdminKey`: a credential of the admin plane, with a role."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from pulumi_groq.lifecycle.admin_key import AdminKeyArgs, AdminKeyLifecycle, AdminKeyState
from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.resources.declaration import DeclaredResource, by_id
from pulumi_groq.resources.provider import LifecycleProvider
from pulumi_groq.resources.rotation_args import RotationArgs
from pulumi_groq.resources.session import notify

if TYPE_CHECKING:
    from pulumi_groq.lifecycle.session import Session


class AdminKeyProvider(LifecycleProvider):
    """Serves `GroqAdminKey`."""

    def lifecycle(self, session: "Session") -> Lifecycle[Any, Any]:
        return AdminKeyLifecycle(session.client, session.admin_listing, notify)


class GroqAdminKey(DeclaredResource, module="groq", name="GroqAdminKey"):
    """An admin key: what it may do on the admin plane is its role, for all teams or for named ones.

    Everything but the name changes in place, and the key keeps its value.

    Outputs: `key_id`, `admin_key` (a secret), `last_four`, `status`, `created_at`, `generation`, and while
    rotation is declared `previous_key_id`, `previous_last_four`, `previous_status`,
    `previous_last_used_at`, `retire_after` and `next_rotation_at`. Times are ISO 8601 in UTC.

    :param resource_name: the resource's name in the stack.
    :param role: What the key may do: everything (`"owner"`), its teams' keys (`"team-admin"`), the
        spending policy and usage (`"billing"`), read (`"viewer"`), or read changes (`"auditor"`).
    :param teams: Names of the teams that the role is for, up to 100; needed for `team-admin`, possible
        for `viewer`. Without any the role is for all teams.
    :param expires_at: When the key stops working: an ISO 8601 time with its zone. Unless set, never.
    :param name: What the key is for, 1 to 128 printable characters; the resource's name where left out.
        Changing it replaces the key: the new one is created before the old one is deleted.
    :param rotation: When the key is replaced, and how long its predecessor keeps working; unless set,
        never.
    :param adopt_key_id: Id of an existing admin key to take over instead of creating one; its value
        stays unknown until a rotation gives it a new one.
    :param opts: Pulumi's resource options.
    """

    _served_by = AdminKeyProvider
    _args = AdminKeyArgs
    _state = AdminKeyState

    if TYPE_CHECKING:
        name: pulumi.Output[str]
        role: pulumi.Output[str]
        teams: pulumi.Output[Sequence[str]]
        key_id: pulumi.Output[str]
        admin_key: pulumi.Output[str]
        last_four: pulumi.Output[str]
        status: pulumi.Output[str]
        created_at: pulumi.Output[str]
        generation: pulumi.Output[int]
        previous_key_id: pulumi.Output[str]
        previous_last_four: pulumi.Output[str]
        previous_status: pulumi.Output[str]
        previous_last_used_at: pulumi.Output[str]
        retire_after: pulumi.Output[str]
        next_rotation_at: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        role: pulumi.Input[str],
        teams: pulumi.Input[Sequence[str]] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        name: pulumi.Input[str] | None = None,
        rotation: pulumi.Input[RotationArgs] | None = None,
        adopt_key_id: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {
            "role": role,
            "teams": teams,
            "expires_at": expires_at,
            "name": name,
            "rotation": rotation,
            "adopt_key_id": adopt_key_id,
        }
        self._register(resource_name, arguments, opts)

    @classmethod
    def get(
        cls, resource_name: str, key_id: str, opts: pulumi.ResourceOptions | None = None
    ) -> "GroqAdminKey":
        """Read the existing admin key `key_id` without owning it; its value stays unknown."""
        return cls(resource_name, role="viewer", opts=by_id(key_id, opts))
