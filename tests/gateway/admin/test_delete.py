"""DELETE /openai/v1/api-keys/{id}."""

import hashlib
import sqlite3
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from admin_plane import Api, error_of
from pulumi_groq.gateway.store.schema import api_keys

NO_OWNER = {"managed_by": None, "declared_as": None}


def is_in_force(api: Api, created: dict[str, Any]) -> bool:
    return api.directory.find(hashlib.sha256(created["api_key"].encode()).digest()) is not None


def test_a_deleted_key_is_gone_everywhere(api: Api) -> None:
    """From the answer on: by id, from the list, from what is in force."""
    key = api.created()
    answer = api.delete(f"/api-keys/{key['id']}")
    assert answer.json() == {"object": "api_key.deleted", "id": key["id"], "deleted": True, **NO_OWNER}
    assert api.get(f"/api-keys/{key['id']}").status_code == 404
    assert api.get("/api-keys").json()["data"] == []
    assert not is_in_force(api, key)


def test_a_second_delete_is_404(api: Api) -> None:
    """Only 404 means gone."""
    path = f"/api-keys/{api.created()['id']}"
    api.delete(path)
    assert error_of(api.delete(path)) == (404, "api_key_not_found", None)


def test_the_tombstone_keeps_no_hash_and_no_labels(api: Api) -> None:
    """What stays is the name that past usage is shown under."""
    key = api.created(metadata={"owner": "ana"})
    api.delete(f"/api-keys/{key['id']}")
    with api.store.read() as connection:
        row = connection.execute(api_keys.select()).one()
    assert (row.name, row.key_hash, row.metadata) == ("chatbot-prod", None, {})


@pytest.mark.parametrize(("ago_s", "status"), [(0, 409), (59, 409), (60, 200), (3600, 200)])
def test_a_key_in_use_is_kept_when_asked(api: Api, ago_s: float, status: int) -> None:
    """`unless_used_within_s=60` refuses while the last use is less than 60 s ago."""
    key = api.created()
    api.usage.book(key["id"], requests=1, tokens=1, cost_micro_usd=1, at=api.clock.now())
    api.clock.advance(seconds=ago_s)
    answer = api.delete(f"/api-keys/{key['id']}", unless_used_within_s=60)
    assert (answer.status_code, is_in_force(api, key)) == (status, status == 409)


def test_the_refusal_says_when_the_key_was_used(api: Api) -> None:
    """409 key_in_use with the last use; the key and its record live on."""
    key = api.create(idempotency_key="one").json()
    api.usage.book(key["id"], requests=1, tokens=1, cost_micro_usd=1, at=api.clock.now())
    answer = api.delete(f"/api-keys/{key['id']}", unless_used_within_s=60)
    assert error_of(answer) == (409, "key_in_use", "unless_used_within_s")
    assert "2026-11-23T12:00:00Z" in answer.json()["error"]["message"]
    assert api.create(idempotency_key="one").json()["id"] == key["id"]


def test_a_key_never_used_is_deleted(api: Api) -> None:
    """No traffic is no reason to keep it."""
    key = api.created()
    assert api.delete(f"/api-keys/{key['id']}", unless_used_within_s=86_400).status_code == 200


def test_without_the_question_a_key_in_use_is_deleted(api: Api) -> None:
    """Revoking at once stays possible."""
    key = api.created()
    api.usage.book(key["id"], requests=1, tokens=1, cost_micro_usd=1, at=api.clock.now())
    assert api.delete(f"/api-keys/{key['id']}").status_code == 200


@pytest.mark.parametrize("seconds", ["0", "-1", "x", "1e9", "99999999999"])
def test_an_impossible_time_is_refused(api: Api, seconds: Any) -> None:
    """From 1 second to a leap year."""
    answer = api.delete(f"/api-keys/{api.created()['id']}", unless_used_within_s=seconds)
    assert error_of(answer) == (400, None, "unless_used_within_s")


@pytest.mark.parametrize("query", [{}, {"unless_used_within_s": 60}])
def test_a_delete_that_the_store_does_not_take_changes_nothing(api: Api, query: Any) -> None:
    """503, and the key stays in force and in the store."""
    key = api.created()

    def fail(*_: object) -> None:
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    event.listen(api.store.engine, "commit", fail)
    answer = api.delete(f"/api-keys/{key['id']}", **query)
    event.remove(api.store.engine, "commit", fail)
    assert error_of(answer) == (503, "store_unavailable", None)
    assert is_in_force(api, key)
    assert api.get(f"/api-keys/{key['id']}").status_code == 200
