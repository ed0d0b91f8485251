"""Admin keys: roles as objects of the admin API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from admin_plane import Api, error_of
from pulumi_groq.gateway.store.admin_keys import admin_keys

PLACE = {"managed_by": "acme/infra/prod", "declared_as": "preview"}


def create(api: Api, idempotency_key: str | None = None, **fields: Any) -> httpx.Response:
    headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
    return api.call(
        "POST", "/admin-keys", json={"name": "preview", "role": "viewer"} | fields, headers=headers
    )


def created(api: Api, **fields: Any) -> dict[str, Any]:
    answer = create(api, **fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_new_key_has_its_role_at_once(api: Api) -> None:
    """It reads, and may not write."""
    key = created(api)
    mine = api.by(key["admin_key"])
    assert mine.get("/api-keys").status_code == 200
    assert error_of(mine.create()) == (403, "insufficient_role", None)


def test_the_value_is_shown_once(api: Api) -> None:
    """With a prefix of its own; the store has its digest only."""
    key = created(api)
    value = key["admin_key"]
    assert (value.startswith("pgqadm_"), value[-4:]) == (True, key["last_four"])
    assert value not in api.get("/admin-keys").text + api.get(f"/admin-keys/{key['id']}").text
    with api.store.read() as connection:
        assert value not in str(connection.execute(admin_keys.select()).all())


@pytest.mark.parametrize(
    ("role", "teams", "accepted"),
    [
        ("owner", [], True),
        ("owner", ["ops"], False),
        ("team-admin", ["ops"], True),
        ("team-admin", [], False),
        ("billing", ["ops"], False),
        ("viewer", [], True),
        ("viewer", ["ops"], True),
        ("auditor", ["ops"], False),
        ("root", [], False),
    ],
)
def test_a_role_names_the_teams_that_fit(api: Api, role: str, teams: list[str], accepted: bool) -> None:
    """On create and on update."""
    made = create(api, role=role, teams=teams)
    assert made.status_code == (201 if accepted else 400)
    key = created(api, name="other")
    changed = api.call("PATCH", f"/admin-keys/{key['id']}", json={"role": role, "teams": teams})
    assert changed.status_code == (200 if accepted else 400)


def test_a_changed_role_is_in_force_on_the_next_request(api: Api) -> None:
    """With the same value."""
    key = created(api)
    mine = api.by(key["admin_key"])
    api.call("PATCH", f"/admin-keys/{key['id']}", json={"role": "auditor"})
    assert [mine.get("/api-keys").status_code, mine.get("/changes").status_code] == [403, 200]


def test_an_expired_key_is_refused(api: Api) -> None:
    """From its last moment on; it is listed as expired."""
    key = created(api, expires_at=(api.clock.now() + timedelta(hours=1)).isoformat())
    mine = api.by(key["admin_key"])
    assert mine.get("/api-keys").status_code == 200
    api.clock.advance(hours=1)
    assert mine.get("/api-keys").status_code == 401
    assert api.get(f"/admin-keys/{key['id']}").json()["status"] == "expired"


def test_a_deleted_key_is_refused(api: Api) -> None:
    """At once."""
    key = created(api)
    assert api.delete(f"/admin-keys/{key['id']}").json()["deleted"] is True
    assert api.by(key["admin_key"]).get("/api-keys").status_code == 401
    assert error_of(api.delete(f"/admin-keys/{key['id']}")) == (404, "admin_key_not_found", None)


def test_keys_outlive_a_restart(make_api: Callable[..., Api]) -> None:
    """The next process knows them, and their roles."""
    first = make_api()
    key = created(first)
    first.stop()
    mine = make_api().by(key["admin_key"])
    assert [mine.get("/api-keys").status_code, mine.create().status_code] == [200, 403]


def test_a_repeated_create_gives_the_same_key(api: Api) -> None:
    """Its value included, for a day; held by the claim of whoever repeats it."""
    first = create(api, "same", claim="one", **PLACE).json()
    again = create(api, "same", claim="two", **PLACE)
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.json()["id"], again.json()["admin_key"]) == (first["id"], first["admin_key"])
    assert api.delete(f"/admin-keys/{first['id']}", claim="one").json()["deleted"] is False
    api.clock.advance(hours=25)
    assert error_of(create(api, "same", **PLACE))[:2] == (409, "idempotency_key_expired")


def test_another_owner_gets_no_replay(api: Api) -> None:
    """The answer holds a secret: it is for whoever asked first."""
    first = create(api, "same", **PLACE).json()
    answer = create(api.by("owner"), "same", **PLACE)
    assert error_of(answer)[:2] == (409, "already_declared")
    assert answer.headers["x-api-key-id"] == first["id"]


def test_an_idempotency_key_stands_for_one_body(api: Api) -> None:
    """Another role is another body; another order of teams is not."""
    create(api, "same", teams=["a", "b"])
    assert create(api, "same", teams=["b", "a"]).status_code == 201
    assert error_of(create(api, "same", role="owner"))[:2] == (409, "idempotency_key_reused")


def test_the_last_owner_stays(api: Api) -> None:
    """Neither deleted, nor given another role, nor an expiry by itself; another owner makes it possible."""
    key = created(api, role="owner")
    mine = api.by(key["admin_key"])
    path = f"/admin-keys/{key['id']}"
    soon = (api.clock.now() + timedelta(hours=1)).isoformat()
    answers = [
        mine.delete(path),
        mine.call("PATCH", path, json={"role": "viewer"}),
        mine.call("PATCH", path, json={"expires_at": soon}),
    ]
    assert [error_of(each)[:2] for each in answers] == [(409, "last_owner")] * 3
    created(api, name="second", role="owner")
    assert mine.delete(path).json()["deleted"] is True


def test_the_root_key_may_remove_the_last_owner(api: Api) -> None:
    """It is an owner itself."""
    key = created(api, role="owner")
    assert api.delete(f"/admin-keys/{key['id']}").json()["deleted"] is True


def test_an_update_changes_what_it_names(api: Api) -> None:
    """And null clears an expiry."""
    key = created(api, role="team-admin", teams=["ops"], expires_at="2030-01-01T00:00:00Z")
    path = f"/admin-keys/{key['id']}"
    assert api.call("PATCH", path, json={"expires_at": None}).json()["expires_at"] is None
    changed = api.call("PATCH", path, json={"teams": ["research", "ops"]}).json()
    assert (changed["role"], changed["teams"]) == ("team-admin", ["ops", "research"])
    assert error_of(api.call("PATCH", path, json={"role": None})) == (400, None, "role")


def test_changes_name_fields_only(api: Api) -> None:
    """Create, update and delete are noted; no value, no digest."""
    key = created(api)
    api.call("PATCH", f"/admin-keys/{key['id']}", json={"role": "auditor"})
    api.delete(f"/admin-keys/{key['id']}")
    noted = api.get("/changes").json()["data"]
    assert [(each["kind"], each["action"], each["fields"]) for each in noted] == [
        ("admin_key", "deleted", []),
        ("admin_key", "updated", ["role"]),
        ("admin_key", "created", []),
    ]
