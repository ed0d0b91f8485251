"""Admin keys on the real engine."""

import re
from typing import Any

import pytest

from local_engine import BOTH_PACKAGES
from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.errors import InsufficientRoleError, InvalidApiKeyError
from pulumi_groq.models.admin_key import AdminKeyCreate, AdminKeyUpdate

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

PREVIEW = {"role": "viewer"}


def test_life_of_an_admin_key(gateway: Any, stack: Any) -> None:
    """Created as a secret, unchanged, drifted and repaired, used for a preview, changed, destroyed."""
    stack.declare(admin_keys={"preview": PREVIEW})
    created = stack.up()
    value = stack.pulumi("stack", "output", "admin preview", "--show-secrets").printed.strip()
    assert value.startswith("pgqadm_")
    assert value not in created.printed
    assert value not in stack.pulumi("stack", "export").printed

    viewer = AdminClient(AdminSettings(gateway.base_url, value))
    with gateway.client() as client, viewer:
        (key,) = client.list_admin_keys()
        gateway.control("reset-counts")
        stack.up()
        assert gateway.requests() == {}

        client.update_admin_key(key.id, AdminKeyUpdate(role="owner"))
        stack.refresh()
        assert re.search(r"~ role *: \"owner\" => \"viewer\"", stack.preview().output)
        stack.up()
        assert viewer.list_teams() == []
        with pytest.raises(InsufficientRoleError):
            viewer.delete_admin_key(key.id)

        looked = stack.pulumi("preview", "--refresh", "--stack", stack.name, GROQ_ADMIN_KEY=value)
        assert looked.code == 0, looked.output

        stack.declare(admin_keys={"preview": {"role": "team-admin", "teams": ["ops"]}})
        stack.up()
        assert client.get_admin_key(key.id).teams == ["ops"]

        stack.destroy()
        assert client.list_admin_keys() == []
        with pytest.raises(InvalidApiKeyError):
            viewer.list_teams()


def test_rotation_of_an_admin_key(gateway: Any, stack: Any) -> None:
    """A changed trigger makes a successor; both work, and the older one goes once it is quiet."""

    def declare(trigger: str) -> None:
        stack.declare(admin_keys={"preview": {**PREVIEW, "rotation": {"trigger": trigger}}})

    def value() -> str:
        shown: str = stack.pulumi("stack", "output", "admin preview", "--show-secrets").printed.strip()
        return shown

    declare("1")
    stack.up()
    first = value()
    declare("2")
    assert "rotate: trigger changed" in stack.preview().output
    rotated = stack.up()
    second = value()
    assert second != first
    assert second not in rotated.printed
    for each in (first, second):
        with AdminClient(AdminSettings(gateway.base_url, each)) as client:
            assert client.list_teams() == []
    gateway.control("clock", advance_s=49 * 3600)
    stack.up()
    with gateway.client() as client:
        assert [key.generation for key in client.list_admin_keys()] == [2]
    stack.destroy()


READ = """\
import json
from pathlib import Path

import pulumi
from {package} import GroqAdminKey

declared = json.loads((Path(__file__).parent / "declarations.json").read_text())
key = GroqAdminKey.get("read", declared["key_id"])
pulumi.export("role", key.role)
pulumi.export("last_four", key.last_four)
"""


def test_an_admin_key_is_read_without_owning_it(gateway: Any, new_stack: Any, package: str) -> None:
    """`GroqAdminKey.get` shows an existing one; destroying the stack leaves it alone."""
    with gateway.client() as client:
        made = client.create_admin_key(AdminKeyCreate(name="by-hand", role="auditor"), "by-hand").key
        stack = new_stack(gateway, package=package, program=READ)
        stack.declare(key_id=made.id)
        stack.up()
        assert (stack.output("role"), stack.output("last_four")) == ("auditor", made.last_four)
        stack.destroy()
        assert [key.id for key in client.list_admin_keys()] == [made.id]
