"""PATCH /openai/v1/api-keys/{id}: a field left out stays, null clears it."""

import hashlib
from typing import Any

import pytest

from admin_plane import Api, error_of
from pulumi_groq.policy.access import KeyAccess


def access_of(api: Api, created: dict[str, Any]) -> KeyAccess:
    access = api.directory.find(hashlib.sha256(created["api_key"].encode()).digest())
    assert access is not None
    return access


def test_only_the_named_fields_change(api: Api) -> None:
    """The rest of the key is as it was; updated_at moves."""
    key = api.created(requests_per_minute=5, metadata={"a": "b"})
    value = key.pop("api_key")
    api.clock.advance(minutes=1)
    changed = api.patch(key["id"], tokens_per_day=100).json()
    assert changed == key | {
        "tokens_per_day": 100,
        "effective_limits": key["effective_limits"] | {"tokens_per_day": 100},
        "updated_at": "2026-11-23T12:01:00Z",
    }
    assert value not in str(changed)


def test_a_change_is_what_the_next_read_shows(api: Api) -> None:
    """The answer to a patch and a later get agree."""
    key = api.created()
    changed = api.patch(key["id"], monthly_budget_usd=3).json()
    assert api.get(f"/api-keys/{key['id']}").json() == changed


@pytest.mark.parametrize(
    ("fields", "cleared"),
    [
        ({"requests_per_minute": 5}, None),
        ({"tokens_per_minute": "unlimited"}, None),
        ({"monthly_budget_usd": 5}, None),
        ({"expires_at": "2027-01-01T00:00:00Z"}, None),
        ({"managed_by": "o/p/s"}, None),
        ({"declared_as": "bot"}, None),
        ({"metadata": {"a": "b"}}, {}),
    ],
)
def test_null_clears_a_field(api: Api, fields: dict[str, Any], cleared: str) -> None:
    """What was set is unset again."""
    (name,) = fields
    key = api.created(**fields)
    assert api.patch(key["id"], **{name: None}).json()[name] == cleared


def test_null_clears_the_team(api: Api) -> None:
    """The key leaves its team."""
    api.call("PUT", "/teams/research", json={"allowed_models": ["llama-3.1-8b-instant"]})
    key = api.created(team="research")
    assert api.patch(key["id"], team=None).json()["team"] is None


@pytest.mark.parametrize("name", ["allowed_models", "disabled"])
def test_what_cannot_be_without_a_value_is_not_cleared(api: Api, name: str) -> None:
    """Null is refused there."""
    assert error_of(api.patch(api.created()["id"], **{name: None})) == (400, None, name)


def test_an_empty_patch_changes_nothing(api: Api) -> None:
    """Not even updated_at."""
    key = api.created()
    api.clock.advance(minutes=1)
    assert api.patch(key["id"]).json()["updated_at"] == key["updated_at"]


def test_writing_the_same_values_changes_nothing(api: Api) -> None:
    """A repeated patch is no write: updated_at stays."""
    key = api.created(requests_per_minute=5)
    api.clock.advance(minutes=1)
    again = api.patch(key["id"], requests_per_minute=5, allowed_models=key["allowed_models"])
    assert again.json()["updated_at"] == key["updated_at"]


def test_a_disabled_key_is_enabled_again(api: Api) -> None:
    """And the directory follows both ways."""
    key = api.created()
    seen = []
    for disabled in (True, False):
        status = api.patch(key["id"], disabled=disabled).json()["status"]
        seen.append((status, access_of(api, key).disabled))
    assert seen == [("disabled", True), ("active", False)]


def test_new_limits_and_models_are_in_force_at_once(api: Api) -> None:
    """The directory holds them when the answer is out."""
    key = api.created()
    api.patch(key["id"], requests_per_minute="unlimited", allowed_models=["gemma2-9b-it"])
    access = access_of(api, key)
    assert (access.limits.requests_per_minute, access.models) == (None, frozenset({"gemma2-9b-it"}))


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"name": "other"}, None, "name"),
        ({"replaces": "key_01x"}, None, "replaces"),
        ({"requests_per_minute": 0}, None, "requests_per_minute"),
        ({"allowed_models": []}, None, "allowed_models"),
        ({"allowed_models": ["no-such-model"]}, "model_not_priced", "allowed_models.0"),
        ({"team": "nobody"}, "team_not_found", "team"),
        ({"expires_at": "2026-11-23T12:00:00Z"}, None, "expires_at"),
        ({"disabled": "yes"}, None, "disabled"),
    ],
)
def test_impossible_changes_are_refused_whole(
    api: Api, fields: dict[str, Any], code: str | None, param: str | None
) -> None:
    """The 400 names the field, and the good part of the patch is not applied either."""
    key = api.created()
    answer = api.patch(key["id"], tokens_per_day=7, **fields)
    assert error_of(answer) == (400, code, param)
    assert api.get(f"/api-keys/{key['id']}").json()["tokens_per_day"] is None


def test_an_expired_key_can_be_changed_and_prolonged(api: Api) -> None:
    """Its past expiry is only refused as a new one."""
    key = api.created(expires_at="2026-11-23T13:00:00Z")
    api.clock.advance(hours=2)
    assert api.patch(key["id"], requests_per_minute=5).json()["status"] == "expired"
    assert api.patch(key["id"], expires_at="2026-12-01T00:00:00Z").json()["status"] == "active"


def test_a_key_cannot_move_to_a_place_that_is_taken(api: Api) -> None:
    """As at its creation."""
    taken = api.created(managed_by="o/p/s", declared_as="bot")
    answer = api.patch(api.created()["id"], managed_by="o/p/s", declared_as="bot")
    assert error_of(answer) == (409, "already_declared", "declared_as")
    assert answer.headers["x-api-key-id"] == taken["id"]


def test_an_unknown_or_deleted_key_is_404(api: Api) -> None:
    """There is nothing to change."""
    gone = api.created()["id"]
    api.delete(f"/api-keys/{gone}")
    answers = [api.patch(key_id, disabled=True) for key_id in ("key_01nothere", gone)]
    assert [error_of(answer) for answer in answers] == [(404, "api_key_not_found", None)] * 2
