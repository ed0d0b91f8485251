"""An admin key's life against the real gateway, cut off wherever it may be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from in_process_gateway import Cut, InProcessGateway, ProcessDiedError, Wire, in_process_gateway
from pulumi_groq.admin import AdminKeyListing
from pulumi_groq.errors import ConfigurationError, GroqError
from pulumi_groq.lifecycle.admin_key import AdminKeyArgs, AdminKeyLifecycle, AdminKeyState
from pulumi_groq.lifecycle.properties import dump
from pulumi_groq.models.admin_key import AdminKeyStatus, AdminKeyUpdate


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path) as running:
        yield running


def lifecycle(wire: Wire, told: list[str] | None = None) -> AdminKeyLifecycle:
    client = wire.client()
    return AdminKeyLifecycle(client, AdminKeyListing(client), (told if told is not None else []).append)


def args(**fields: Any) -> AdminKeyArgs:
    place = {"managed_by": "acme/infra/prod", "declared_as": "preview"}
    return AdminKeyArgs.model_validate({"name": "preview", "role": "viewer", **place, **fields})


def test_a_whole_life(gateway: InProcessGateway) -> None:
    """Created, read as declared, changed in place with the same value, deleted."""
    resource = lifecycle(Wire(gateway))
    key_id, state = resource.create(args())
    assert resource.diff(key_id, dump(state), dump(args())).changed == ()
    wanted = args(role="team-admin", teams=["ops"])
    assert resource.diff(key_id, dump(state), dump(wanted)).changed == ("role", "teams")
    updated = resource.update(key_id, state, wanted)
    assert (updated.role, updated.teams, updated.admin_key) == ("team-admin", ["ops"], state.admin_key)
    assert resource.read(key_id, updated) == updated
    resource.delete(key_id, updated)
    assert resource.read(key_id, updated) is None


@pytest.mark.parametrize("changes_in_between", [False, True])
@pytest.mark.parametrize("cut", [Cut.AFTER, Cut.LOST])
def test_a_lost_answer_ends_with_one_key(
    gateway: InProcessGateway, cut: Cut, changes_in_between: bool
) -> None:
    """The next run gets the same key, or replaces the one whose value nobody has."""
    with pytest.raises((ProcessDiedError, GroqError)):
        lifecycle(Wire(gateway, cut, at=1)).create(args())
    again = Wire(gateway)
    wanted = args(role="auditor") if changes_in_between else args()
    key_id, state = lifecycle(again).create(wanted)
    found = again.client().list_admin_keys()
    assert [(key.id, key.role) for key in found] == [(key_id, wanted.role)]
    assert state.admin_key is not None


def test_rights_given_by_hand_show_as_drift(gateway: InProcessGateway) -> None:
    """A refresh reads them, and the next update takes them back."""
    wire = Wire(gateway)
    resource = lifecycle(wire)
    key_id, state = resource.create(args())
    wire.client().update_admin_key(key_id, AdminKeyUpdate(role="owner"))
    seen = resource.read(key_id, state)
    assert seen is not None
    assert resource.diff(key_id, dump(seen), dump(args())).changed == ("role",)
    resource.update(key_id, seen, args())
    assert wire.client().get_admin_key(key_id).role == "viewer"


def test_an_existing_key_is_adopted(gateway: InProcessGateway) -> None:
    """It keeps its value, which stays unknown, and takes the declared role."""
    wire = Wire(gateway)
    told: list[str] = []
    resource = lifecycle(wire, told)
    other, _ = resource.create(args(managed_by="acme/other/prod"))
    key_id, state = resource.create(args(adopt_key_id=other, role="billing"))
    assert (key_id, state.admin_key, wire.client().get_admin_key(other).role) == (other, None, "billing")
    assert told == [f"preview: admin key {other} was managed by acme/other/prod; it is now managed here"]


def test_a_key_is_adopted_under_its_name_only(gateway: InProcessGateway) -> None:
    """For it keeps its name."""
    resource = lifecycle(Wire(gateway))
    other, _ = resource.create(args())
    with pytest.raises(ConfigurationError, match="is named 'preview', not 'x'"):
        resource.create(args(name="x", adopt_key_id=other))


def test_only_the_owners_delete_deletes(gateway: InProcessGateway) -> None:
    """What was adopted elsewhere stays when its former stack lets go."""
    told: list[str] = []
    wire = Wire(gateway)
    resource = lifecycle(wire, told)
    key_id, former = resource.create(args())
    resource.create(args(adopt_key_id=key_id, managed_by="acme/other/prod"))
    resource.delete(key_id, former)
    assert wire.client().get_admin_key(key_id).managed_by == "acme/other/prod"
    assert "kept, for it is now declared as 'preview' in acme/other/prod" in told[-1]


def test_a_read_by_id_finds_what_would_declare_it(gateway: InProcessGateway) -> None:
    """Without a state there is no value."""
    resource = lifecycle(Wire(gateway))
    key_id, state = resource.create(args(teams=["b", "a"]))
    found = resource.read(key_id, None)
    assert isinstance(found, AdminKeyState)
    assert (found.teams, found.admin_key, found.last_four) == (["a", "b"], None, state.last_four)


@pytest.mark.parametrize(
    ("inputs", "property_name"),
    [
        ({"name": "x", "role": "team-admin"}, "teams"),
        ({"name": "x", "role": "owner", "teams": ["ops"]}, "teams"),
        ({"name": "x", "role": "king"}, "role"),
        ({"name": "x", "role": "viewer", "expires_at": "tomorrow"}, "expires_at"),
    ],
)
def test_the_check_names_the_property(
    gateway: InProcessGateway, inputs: dict[str, Any], property_name: str
) -> None:
    """Before anything is sent."""
    wire = Wire(gateway)
    checked = lifecycle(wire).check({}, inputs)
    assert [failure.property for failure in checked.failures] == [property_name]
    assert wire.sent == []


def test_its_status_is_one_that_the_gateway_gives_or_deleted() -> None:
    """An admin key is neither disabled nor paused: nothing of the contract does that to one."""
    told = get_args(AdminKeyState.model_fields["status"].annotation)
    assert set(told) == {*get_args(AdminKeyStatus), "deleted"}
