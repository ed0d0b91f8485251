"""POST /openai/v1/api-keys."""

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest

from admin_plane import Api, error_of
from pulumi_groq.policy.access import Limits

VALUE = re.compile(r"pgq_[A-Za-z0-9]{48}")
KEY_ID = re.compile(r"key_01[0-9a-hjkmnp-tv-z]{24}")


def test_a_create_answers_201_with_the_stored_fields_and_the_value(api: Api) -> None:
    """The answer holds what was sent, what the server added, and the key's value."""
    response = api.create(
        requests_per_minute=500,
        tokens_per_minute="unlimited",
        requests_per_day=10_000,
        max_parallel_requests=4,
        runaway={"spend_usd_per_10_min": 2.5, "times_usual": 10, "resume_after_minutes": 60},
        share=3,
        monthly_budget_usd=12.5,
        expires_at="2027-01-01T01:00:00+01:00",
        metadata={"owner": "ana"},
        managed_by="organization/groq/dev",
        declared_as="chatbot",
    )
    body = response.json()
    assert response.status_code == 201
    assert VALUE.fullmatch(body.pop("api_key"))
    key_id = body["id"]
    assert KEY_ID.fullmatch(key_id)
    assert body | {"last_four": "?"} == {
        "object": "api_key",
        "id": key_id,
        "name": "chatbot-prod",
        "allowed_models": ["llama-3.1-8b-instant"],
        "allowed_tools": [],
        "requests_per_minute": 500,
        "tokens_per_minute": "unlimited",
        "requests_per_day": 10_000,
        "tokens_per_day": None,
        "max_parallel_requests": 4,
        "effective_limits": {
            "requests_per_minute": 500,
            "tokens_per_minute": None,
            "requests_per_day": 10_000,
            "tokens_per_day": None,
            "max_parallel_requests": 4,
        },
        "monthly_budget_usd": 12.5,
        "budgets": [],
        "model_limits": {},
        "runaway": {
            "spend_usd_per_10_min": 2.5,
            "times_usual": 10,
            "action": "pause_key",
            "resume_after_minutes": 60,
        },
        "paused": None,
        "share": 3,
        "expires_at": "2027-01-01T00:00:00Z",
        "team": None,
        "metadata": {"owner": "ana"},
        "managed_by": "organization/groq/dev",
        "declared_as": "chatbot",
        "claim": None,
        "replaces": None,
        "lineage_id": key_id,
        "generation": 1,
        "status": "active",
        "last_four": "?",
        "created_at": "2026-11-23T12:00:00Z",
        "updated_at": "2026-11-23T12:00:00Z",
        "last_used_at": None,
    }


def test_the_value_ends_in_the_last_four(api: Api) -> None:
    """People recognise a key by its last four characters."""
    body = api.created()
    assert body["api_key"][-4:] == body["last_four"]


def test_no_other_answer_holds_the_value(api: Api) -> None:
    """Get, list, patch and delete never show it."""
    body = api.created()
    answers = [
        api.get(f"/api-keys/{body['id']}"),
        api.get("/api-keys"),
        api.patch(body["id"], requests_per_minute=5),
        api.get("/usage"),
        api.delete(f"/api-keys/{body['id']}"),
    ]
    assert [body["api_key"] in answer.text for answer in answers] == [False] * 5


def test_names_need_not_be_unique(api: Api) -> None:
    """Ids are identity: two keys may share a name."""
    assert api.created()["id"] != api.created()["id"]


def test_a_new_key_is_in_force_at_once(api: Api) -> None:
    """The directory finds it by the digest of its value, defaults filled in."""
    body = api.created(requests_per_day=7, monthly_budget_usd=0.000001)
    access = api.directory.find(hashlib.sha256(body["api_key"].encode()).digest())
    assert access is not None
    assert (access.key_id, access.limits, access.monthly_budget_micro_usd) == (
        body["id"],
        Limits(1_000, 250_000, 7, None),
        1,
    )


def test_an_expiry_in_the_past_is_refused(api: Api) -> None:
    """A key that is born expired is a mistake."""
    past = (api.clock.now() - timedelta(seconds=1)).isoformat()
    assert error_of(api.create(expires_at=past)) == (400, None, "expires_at")


def test_a_model_without_a_price_is_refused(api: Api) -> None:
    """Its use could not be charged."""
    answer = api.create(allowed_models=["llama-3.1-8b-instant", "no-such-model"])
    assert error_of(answer) == (400, "model_not_priced", "allowed_models.1")
    assert "did you mean" not in answer.text


def test_a_misspelt_model_is_told_which_one_is_meant(api: Api) -> None:
    """Nobody has to look it up."""
    answer = api.create(allowed_models=["openai/gpt-os-20b"])
    assert "correct the name (did you mean openai/gpt-oss-20b?), or" in answer.json()["error"]["message"]


def test_a_retired_model_is_accepted(api: Api) -> None:
    """It keeps its last price; the provider warns."""
    assert api.created(allowed_models=["gemma2-9b-it"])["allowed_models"] == ["gemma2-9b-it"]


def test_a_team_that_does_not_exist_is_refused(api: Api) -> None:
    """Teams are declared before their keys."""
    assert error_of(api.create(team="research")) == (400, "team_not_found", "team")


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("name", "", "name"),
        ("name", "x" * 129, "name"),
        ("name", "line\nbreak", "name"),
        ("name", None, "name"),
        ("name", 5, "name"),
        ("allowed_models", [], "allowed_models"),
        ("allowed_models", "llama-3.1-8b-instant", "allowed_models"),
        ("allowed_models", ["a", "a"], "allowed_models"),
        ("allowed_models", ["a", 5], "allowed_models.1"),
        ("requests_per_minute", 0, "requests_per_minute"),
        ("requests_per_minute", -1, "requests_per_minute"),
        ("requests_per_minute", "5", "requests_per_minute"),
        ("requests_per_minute", True, "requests_per_minute"),
        ("tokens_per_day", 1.5, "tokens_per_day"),
        ("max_parallel_requests", 0, "max_parallel_requests"),
        ("share", 0, "share"),
        ("share", 1001, "share"),
        ("runaway", {}, "runaway"),
        ("runaway", {"action": "alert"}, "runaway"),
        ("runaway", {"spend_usd_per_10_min": 0}, "runaway.spend_usd_per_10_min"),
        ("runaway", {"times_usual": 1}, "runaway.times_usual"),
        ("runaway", {"times_usual": 2, "action": "stop"}, "runaway.action"),
        ("runaway", {"times_usual": 2, "resume_after_minutes": 0}, "runaway.resume_after_minutes"),
        ("runaway", {"times_usual": 2, "action": "alert", "resume_after_minutes": 5}, "runaway"),
        ("tokens_per_minute", 10**400, "tokens_per_minute"),
        ("monthly_budget_usd", 0, "monthly_budget_usd"),
        ("monthly_budget_usd", "5", "monthly_budget_usd"),
        ("monthly_budget_usd", 0.0000001, "monthly_budget_usd"),
        ("monthly_budget_usd", 10**300, "monthly_budget_usd"),
        ("expires_at", "tomorrow", "expires_at"),
        ("expires_at", "2027-01-01T00:00:00", "expires_at"),
        ("expires_at", 1893456000, "expires_at"),
        ("expires_at", "9999-12-31T23:59:59-23:59", "expires_at"),
        ("metadata", {"k": 5}, "metadata.k"),
        ("metadata", {"": "v"}, "metadata..[key]"),
        ("metadata", ["k"], "metadata"),
        ("replaces", "key 1", "replaces"),
        ("color", "red", "color"),
        ("disabled", True, "disabled"),
    ],
)
def test_impossible_values_are_refused_with_their_path(
    api: Api, field: str, value: Any, param: str | None
) -> None:
    """Every bad field is a 400 that names it, and nothing is created."""
    assert error_of(api.create(**{field: value})) == (400, None, param)
    assert api.get("/api-keys").json()["data"] == []


def test_each_bad_field_is_named_once_in_one_line(api: Api) -> None:
    """The message lists what is wrong, the field before the reason."""
    message = api.create(name="", requests_per_minute=0).json()["error"]["message"]
    assert message == (
        "requests_per_minute: must be at least 1; leave it out for the server's default, "
        'or write "unlimited"; name: must have at least 1 character'
    )


def test_a_whole_double_is_a_limit(api: Api) -> None:
    """Pulumi carries every number as a double."""
    assert api.created(requests_per_minute=60.0)["requests_per_minute"] == 60


def test_one_place_of_a_stack_holds_one_lineage(api: Api) -> None:
    """A second key with the same managed_by, declared_as and name is refused, and the first is named."""
    first = api.created(managed_by="o/p/s", declared_as="bot")
    answer = api.create(managed_by="o/p/s", declared_as="bot")
    assert error_of(answer) == (409, "already_declared", "declared_as")
    assert answer.headers["x-api-key-id"] == first["id"]


@pytest.mark.parametrize(
    "other",
    [
        {"managed_by": "o/p/t", "declared_as": "bot"},
        {"managed_by": "o/p/s", "declared_as": "bot2"},
        {"managed_by": "o/p/s", "declared_as": "bot", "name": "other"},
        {"managed_by": "o/p/s"},
        {"declared_as": "bot"},
    ],
)
def test_another_place_is_free(api: Api, other: dict[str, str]) -> None:
    """All three parts make the place."""
    api.created(managed_by="o/p/s", declared_as="bot")
    assert api.create(**other).status_code == 201


def test_a_deleted_key_leaves_its_place(api: Api) -> None:
    """Only live keys hold one."""
    first = api.created(managed_by="o/p/s", declared_as="bot")
    api.delete(f"/api-keys/{first['id']}")
    assert api.create(managed_by="o/p/s", declared_as="bot").status_code == 201
