"""Limits and budgets of teams, windows and models: what is stored, and what does not go together."""

import hashlib
from typing import Any

import pytest

from admin_plane import Api, error_of
from pulumi_groq.policy.access import Bounds, Budget, Limits

SMALL, LARGE = "llama-3.1-8b-instant", "llama-3.3-70b-versatile"
TEAM: dict[str, Any] = {
    "allowed_models": [SMALL, LARGE],
    "requests_per_minute": 100,
    "tokens_per_day": "unlimited",
    "max_parallel_requests": 10,
    "monthly_budget_usd": 50,
    "budgets": [{"usd": 5, "per": "day"}, {"usd": 0.5, "per": "hour"}],
}
IN_HOURS_ORDER = [{"usd": 0.5, "per": "hour"}, {"usd": 5, "per": "day"}]


@pytest.fixture
def in_team(api: Api) -> Api:
    assert api.call("PUT", "/teams/chat", json=TEAM).status_code == 200
    return api


def access_of(api: Api, created: dict[str, Any]) -> Any:
    return api.directory.find(hashlib.sha256(created["api_key"].encode()).digest())


def test_a_team_s_limits_are_shown_and_shared_by_its_keys(in_team: Api) -> None:
    """Those of a key stay its own; budgets come in the order of their windows."""
    shown = in_team.get("/teams/chat").json()
    assert shown["budgets"] == IN_HOURS_ORDER
    assert {name: shown[name] for name in TEAM if name != "budgets"} == {
        name: value for name, value in TEAM.items() if name != "budgets"
    }
    key = in_team.create(team="chat", requests_per_minute=100).json()
    assert key["effective_limits"]["requests_per_minute"] == 100
    assert access_of(in_team, key).team_bounds == Bounds(
        Limits(requests_per_minute=100, max_parallel_requests=10),
        (Budget("hour", 500_000), Budget("day", 5_000_000), Budget("month", 50_000_000)),
    )


def test_a_changed_team_is_in_force_for_its_keys_at_once(in_team: Api) -> None:
    """Also below what a key declares: then both hold."""
    key = in_team.create(team="chat", requests_per_minute=100).json()
    lowered = {"allowed_models": [SMALL], "requests_per_minute": 10}
    assert in_team.call("PUT", "/teams/chat", json=lowered).status_code == 200
    assert access_of(in_team, key).team_bounds == Bounds(Limits(requests_per_minute=10))
    assert in_team.get("/teams/chat").json()["budgets"] == []


def test_a_key_keeps_its_budgets_and_limits_by_model(api: Api) -> None:
    """As declared; compiled in micro-dollars."""
    declared: dict[str, Any] = {
        "budgets": [{"usd": 2, "per": "week"}, {"usd": 1, "per": "day"}, {"usd": 9, "per": "month"}],
        "model_limits": {SMALL: {"requests_per_minute": 5, "budget_usd": 0.25}},
    }
    key = api.create(allowed_models=[SMALL, LARGE], **declared).json()
    shown = api.get(f"/api-keys/{key['id']}").json()
    assert shown["budgets"] == [declared["budgets"][1], declared["budgets"][0], declared["budgets"][2]]
    unset = dict.fromkeys(("tokens_per_minute", "requests_per_day", "tokens_per_day"))
    assert shown["model_limits"] == {SMALL: {**unset, "requests_per_minute": 5, "budget_usd": 0.25}}
    access = access_of(api, key)
    assert access.monthly_budget_micro_usd == 9_000_000
    assert access.budgets == (Budget("day", 1_000_000), Budget("week", 2_000_000))
    assert access.model_bounds == {SMALL: Bounds(Limits(requests_per_minute=5), (Budget("month", 250_000),))}
    cleared = api.call("PATCH", f"/api-keys/{key['id']}", json={"budgets": None, "model_limits": None})
    assert (cleared.json()["budgets"], cleared.json()["model_limits"]) == ([], {})


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"requests_per_minute": 101}, "requests_per_minute"),
        ({"requests_per_minute": "unlimited"}, "requests_per_minute"),
        ({"max_parallel_requests": 11}, "max_parallel_requests"),
        ({"monthly_budget_usd": 50.000001}, "monthly_budget_usd"),
        ({"budgets": [{"usd": 51, "per": "month"}]}, "budgets"),
        ({"budgets": [{"usd": 0.51, "per": "hour"}]}, "budgets"),
        ({"model_limits": {SMALL: {"requests_per_minute": 101}}}, "model_limits"),
        ({"model_limits": {SMALL: {"budget_usd": 51}}}, "model_limits"),
    ],
)
def test_a_key_s_own_must_fit_in_its_team_s(in_team: Api, fields: dict[str, Any], param: str) -> None:
    """When it is made and when it is changed; what is as large fits, and what the team leaves open."""
    refused = in_team.create(team="chat", **fields)
    assert error_of(refused) == (400, "exceeds_team", param)
    key = in_team.create(team="chat", tokens_per_day=10**9, budgets=[{"usd": 7, "per": "week"}]).json()
    changed = in_team.call("PATCH", f"/api-keys/{key['id']}", json=fields)
    assert error_of(changed)[1] == "exceeds_team"
    free = in_team.create(name="free", **fields).json()
    moved = in_team.call("PATCH", f"/api-keys/{free['id']}", json={"team": "chat"})
    assert error_of(moved)[1] == "exceeds_team"


def test_what_was_above_before_the_team_was_lowered_may_stay(in_team: Api) -> None:
    """Other fields change and keys rotate: the team's holds besides."""
    key = in_team.create(team="chat", requests_per_minute=100).json()
    in_team.call("PUT", "/teams/chat", json={"allowed_models": [SMALL], "requests_per_minute": 10})
    path = f"/api-keys/{key['id']}"
    assert in_team.call("PATCH", path, json={"disabled": True}).status_code == 200
    assert in_team.create(team="chat", requests_per_minute=100, replaces=key["id"]).status_code == 201
    assert error_of(in_team.call("PATCH", path, json={"requests_per_minute": 99}))[1] == "exceeds_team"
    assert in_team.call("PATCH", path, json={"requests_per_minute": 10}).status_code == 200


@pytest.mark.parametrize(
    ("before", "change", "param"),
    [
        ({"monthly_budget_usd": 5}, {"budgets": [{"usd": 5, "per": "month"}]}, "budgets"),
        ({"budgets": [{"usd": 5, "per": "month"}]}, {"monthly_budget_usd": 5}, "budgets"),
        ({"model_limits": {SMALL: {"budget_usd": 1}}}, {"allowed_models": [LARGE]}, "model_limits"),
        ({}, {"model_limits": {LARGE: {"budget_usd": 1}}}, "model_limits"),
    ],
)
def test_a_change_must_go_together_with_what_was_set(
    api: Api, before: dict[str, Any], change: dict[str, Any], param: str
) -> None:
    """Two budgets of one month, or limits of a model that may not be called, say nothing clear."""
    key = api.create(**before).json()
    refused = api.call("PATCH", f"/api-keys/{key['id']}", json=change)
    status, _, named = error_of(refused)
    assert (status, named) == (400, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"budgets": [{"usd": 1, "per": "day"}, {"usd": 2, "per": "day"}]},
        {"budgets": [{"usd": 0, "per": "day"}]},
        {"budgets": [{"usd": 1, "per": "year"}]},
        {"monthly_budget_usd": 1, "budgets": [{"usd": 1, "per": "month"}]},
        {"model_limits": {SMALL: {}}},
        {"model_limits": {SMALL: {"requests_per_minute": 0}}},
        {"model_limits": {LARGE: {"requests_per_minute": 1}}},
    ],
)
def test_what_cannot_be_meant_is_refused(api: Api, fields: dict[str, Any]) -> None:
    """Zero is no limit, one window has one budget, and a key's model is one that it may call."""
    assert api.create(**fields).status_code == 400


def test_the_policy_s_budgets_are_of_shorter_windows(api: Api) -> None:
    """The month's is the cap."""
    policy = {"monthly_cap_usd": 50, "budgets": [{"usd": 5, "per": "day"}]}
    assert api.call("PUT", "/spend-policy", json=policy).json()["budgets"] == policy["budgets"]
    assert api.directory.organisation is not None
    assert api.directory.organisation.budgets == (Budget("day", 5_000_000),)
    monthly = {"monthly_cap_usd": 50, "budgets": [{"usd": 5, "per": "month"}]}
    assert api.call("PUT", "/spend-policy", json=monthly).status_code == 400


def test_the_log_of_changes_has_the_budgets_as_they_are_declared(in_team: Api) -> None:
    """Before and after."""
    in_team.call("PUT", "/teams/chat", json={**TEAM, "budgets": []})
    newest = in_team.get("/changes").json()["data"][0]
    assert (newest["fields"], newest["before"], newest["after"]) == (
        ["budgets"],
        {"budgets": IN_HOURS_ORDER},
        {"budgets": []},
    )
