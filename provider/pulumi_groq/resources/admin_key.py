"""`GroqAdminKey`: a credential of the admin plane, with a role."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from pulumi_groq.lifecycle.admin_key import AdminKeyArgs, AdminKeyLifecycle, AdminKeyState
from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.lifecycle.session import Session
from pulumi_groq.resources.declaration import declare, options_for, place
from pulumi_groq.resources.provider import LifecycleProvider
from pulumi_groq.resources.session import notify


class AdminKeyProvider(LifecycleProvider):
    """Serves `GroqAdminKey`."""

    def lifecycle(self, session: Session) -> Lifecycle[Any, Any]:
        return AdminKeyLifecycle(session.client, notify)


class GroqAdminKey(Resource, module="groq", name="GroqAdminKey"):
    """An admin key: what it may do on the admin plane is its role, for all teams or for named ones.

    Everything but the name changes in place, and the key keeps its value.

    Outputs: `admin_key` (a secret), `last_four`, `created_at`; the resource's id is the key's.

    :param resource_name: the resource's name in the stack.
    :param role: What the key may do: everything (`"owner"`), its teams' keys (`"team-admin"`), the
        spending policy and usage (`"billing"`), read (`"viewer"`), or read changes (`"auditor"`).
    :param teams: Names of the teams that the role is for, up to 100; needed for `team-admin`, possible
        for `viewer`. Without any the role is for all teams.
    :param expires_at: When the key stops working: an ISO 8601 time with its zone. Unless set, never.
    :param name: What the key is for, 1 to 128 printable characters; the resource's name where left out.
        Changing it replaces the key: the new one is created before the old one is deleted.
    :param adopt_key_id: Id of an existing admin key to take over instead of creating one; its value
        stays unknown.
    :param opts: Pulumi's resource options.
    """

    name: pulumi.Output[str]
    role: pulumi.Output[str]
    teams: pulumi.Output[Sequence[str]]
    admin_key: pulumi.Output[str]
    last_four: pulumi.Output[str]
    created_at: pulumi.Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        role: pulumi.Input[str],
        teams: pulumi.Input[Sequence[str]] | None = None,
        expires_at: pulumi.Input[str] | None = None,
        name: pulumi.Input[str] | None = None,
        adopt_key_id: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        arguments = {
            "role": role,
            "teams": teams,
            "expires_at": expires_at,
            "name": name,
            "adopt_key_id": adopt_key_id,
        }
        placed = place(resource_name, opts).fill(AdminKeyArgs, arguments)
        super().__init__(
            AdminKeyProvider(),
            resource_name,
            declare(AdminKeyState, placed),
            options_for(AdminKeyState, opts),
        )
