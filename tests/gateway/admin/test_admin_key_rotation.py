"""Successors of admin keys, and when one was last used."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from admin_plane import Api, error_of
from in_process_gateway import Wire, in_process_gateway
from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory
from pulumi_groq.gateway.admin.admin_key_uses import AdminKeyUses
from pulumi_groq.gateway.store.admin_keys import admin_key_last_uses, all_admin_keys
from pulumi_groq.models.admin_key import AdminKeyCreate

PLACE = {"managed_by": "acme/infra/prod", "declared_as": "preview"}


def created(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.call("POST", "/admin-keys", json={"name": "preview", "role": "viewer", **PLACE, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_successor_joins_the_lineage_and_both_work(api: Api) -> None:
    """At the same place, under the same name, with a value of its own."""
    first = created(api)
    second = created(api, replaces=first["id"])
    assert (first["lineage_id"], first["generation"]) == (first["id"], 1)
    assert (second["lineage_id"], second["generation"], second["replaces"]) == (first["id"], 2, first["id"])
    statuses = [api.by(key["admin_key"]).get("/teams").status_code for key in (first, second)]
    assert statuses == [200, 200]


def test_there_are_never_more_than_two(api: Api) -> None:
    """The predecessor has to go first; and only the newest is replaced."""
    first = created(api)
    second = created(api, replaces=first["id"])
    body = {"name": "preview", "role": "viewer", **PLACE}
    answers = [
        api.call("POST", "/admin-keys", json={**body, "replaces": key["id"]}) for key in (first, second)
    ]
    assert [error_of(each)[1] for each in answers] == ["already_replaced", "rotation_in_progress"]
    assert [each.headers["x-api-key-id"] for each in answers] == [second["id"], first["id"]]
    gone = api.call("POST", "/admin-keys", json={**body, "replaces": "adm_0"})
    assert error_of(gone) == (404, "admin_key_not_found", "replaces")
    api.delete(f"/admin-keys/{first['id']}")
    assert created(api, replaces=second["id"])["generation"] == 3


def test_a_used_key_is_deleted_once_it_is_quiet(api: Api) -> None:
    """Any request with it is a use; without the question it goes at once."""
    key = created(api)
    path = f"/admin-keys/{key['id']}"
    assert api.get(path).json()["last_used_at"] is None
    api.by(key["admin_key"]).get("/teams")
    assert api.get(path).json()["last_used_at"] == "2026-11-23T12:00:00Z"
    api.clock.advance(minutes=59)
    refused = api.delete(path, unless_used_within_s=3600)
    assert error_of(refused) == (409, "key_in_use", "unless_used_within_s")
    assert api.by(key["admin_key"]).get("/teams").status_code == 200
    api.clock.advance(hours=1)
    assert api.delete(path, unless_used_within_s=3600).json()["deleted"] is True
    assert api.by(key["admin_key"]).get("/teams").status_code == 401


def test_a_lineage_is_one_owner(api: Api) -> None:
    """Its predecessor may go, for the successor stays; neither may get less while there is no other owner."""
    first = created(api, role="owner")
    second = created(api, role="owner", replaces=first["id"])
    mine = api.by(second["admin_key"])
    lessened = mine.call("PATCH", f"/admin-keys/{second['id']}", json={"role": "viewer"})
    assert error_of(lessened)[:2] == (409, "last_owner")
    assert mine.delete(f"/admin-keys/{first['id']}").json()["deleted"] is True
    assert error_of(mine.delete(f"/admin-keys/{second['id']}"))[:2] == (409, "last_owner")


def test_the_last_use_outlives_a_restart(tmp_path: Path) -> None:
    """It is written each minute and at the end."""
    with in_process_gateway(tmp_path) as gateway:
        made = Wire(gateway).client().create_admin_key(AdminKeyCreate(name="n", role="viewer"), "n").key
        Wire(gateway).client(made.admin_key).list_teams()
        used_at = gateway.now()
    with in_process_gateway(tmp_path) as gateway:
        gateway.advance(timedelta(hours=2))
        assert Wire(gateway).client().get_admin_key(made.id).last_used_at == used_at


async def test_uses_of_two_gateways_are_one(api: Api) -> None:
    """The later one counts; a key that is gone is not written."""
    key = created(api)
    with api.store.read() as connection:
        records = all_admin_keys(connection)
    early, late = AdminKeyDirectory(api.clock), AdminKeyDirectory(api.clock)
    for directory in (early, late):
        directory.load(records, {})
        directory.identify(key["admin_key"].encode())
        api.clock.advance(minutes=1)
    for directory in (late, early):
        await AdminKeyUses(api.store, directory).write()
    with api.store.read() as connection:
        assert admin_key_last_uses(connection) == {key["id"]: late.last_used_at(key["id"])}
    early.load([], {})
    assert early.identify(key["admin_key"].encode()) is None
