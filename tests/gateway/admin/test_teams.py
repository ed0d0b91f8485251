"""/openai/v1/teams: declared lists of models that bound every key of the team."""

import hashlib
from typing import Any

import pytest
from httpx import Response

from admin_plane import Api, error_of

SMALL, LARGE = "llama-3.1-8b-instant", "llama-3.3-70b-versatile"


def put(api: Api, name: str, *models: str) -> Response:
    return api.call("PUT", f"/teams/{name}", json={"allowed_models": list(models)})


def models_in_force(api: Api, created: dict[str, Any]) -> set[str]:
    access = api.directory.find(hashlib.sha256(created["api_key"].encode()).digest())
    assert access is not None
    return set(access.models)


def test_a_team_is_set_and_shown(api: Api) -> None:
    """The answer to PUT is what GET shows."""
    answer = put(api, "research", SMALL)
    expected = {
        "object": "team",
        "name": "research",
        "allowed_models": [SMALL],
        "allowed_tools": [],
        "upstream_key": None,
        "requests_per_minute": None,
        "tokens_per_minute": None,
        "requests_per_day": None,
        "tokens_per_day": None,
        "max_parallel_requests": None,
        "monthly_budget_usd": None,
        "budgets": [],
        "managed_by": None,
        "declared_as": None,
        "claim": None,
        "created_at": "2026-11-23T12:00:00Z",
        "updated_at": "2026-11-23T12:00:00Z",
    }
    assert (answer.status_code, answer.json()) == (200, expected)
    assert api.get("/teams/research").json() == expected
    assert api.get("/teams").json() == {"object": "list", "data": [expected]}


def test_setting_a_team_again_moves_updated_at_only_when_it_changes(api: Api) -> None:
    """The same models are no change."""
    put(api, "research", SMALL)
    api.clock.advance(hours=1)
    same = put(api, "research", SMALL).json()
    changed = put(api, "research", SMALL, LARGE).json()
    assert [same["updated_at"], changed["updated_at"], changed["created_at"]] == [
        "2026-11-23T12:00:00Z",
        "2026-11-23T13:00:00Z",
        "2026-11-23T12:00:00Z",
    ]


def test_teams_are_listed_by_name(api: Api) -> None:
    """Whatever the order of their making."""
    for name in ("b", "c", "a"):
        put(api, name, SMALL)
    assert [team["name"] for team in api.get("/teams").json()["data"]] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["a%2Fb", "sp%20ace", "%C3%A9quipe", "a?x"[:1]])
def test_names_that_people_use_work_in_the_path(api: Api, name: str) -> None:
    """A slash, a space, a letter with an accent."""
    assert put(api, name, SMALL).status_code == 200
    assert api.get(f"/teams/{name}").status_code == 200
    assert api.delete(f"/teams/{name}").status_code == 200


@pytest.mark.parametrize("name", ["%00", "%0A", "%20edge", "x" * 129])
def test_an_impossible_name_is_refused(api: Api, name: str) -> None:
    """1 to 128 printable characters."""
    assert error_of(put(api, name, SMALL)) == (400, None, "name")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, None, "allowed_models"),
        ({"allowed_models": []}, None, "allowed_models"),
        ({"allowed_models": ["no-such-model"]}, "model_not_priced", "allowed_models.0"),
        ({"allowed_models": [SMALL], "budget": 5}, None, "budget"),
    ],
)
def test_a_bad_team_is_refused(api: Api, body: Any, code: str | None, param: str | None) -> None:
    """The 400 names the field."""
    answer = api.call("PUT", "/teams/research", json=body)
    assert error_of(answer) == (400, code, param)
    assert api.get("/teams/research").status_code == 404


def test_a_key_may_use_what_both_lists_hold(api: Api) -> None:
    """Models in force are the key's own list within its team's."""
    put(api, "research", SMALL)
    key = api.created(allowed_models=[SMALL, LARGE], team="research")
    assert models_in_force(api, key) == {SMALL}


def test_a_change_of_the_team_reaches_its_keys_at_once(api: Api) -> None:
    """Wider and narrower again; keys outside the team do not move."""
    put(api, "research", SMALL)
    inside = api.created(allowed_models=[SMALL, LARGE], team="research")
    outside = api.created(allowed_models=[SMALL, LARGE])
    seen = []
    for models in ([SMALL, LARGE], [LARGE]):
        put(api, "research", *models)
        seen.append((models_in_force(api, inside), models_in_force(api, outside)))
    assert seen == [({SMALL, LARGE}, {SMALL, LARGE}), ({LARGE}, {SMALL, LARGE})]


def test_a_key_that_moves_obeys_its_new_team_only(api: Api) -> None:
    """Later changes of the old team pass it by."""
    put(api, "old", SMALL)
    put(api, "new", LARGE)
    key = api.created(allowed_models=[SMALL, LARGE], team="old")
    api.patch(key["id"], team="new")
    put(api, "old", SMALL, LARGE)
    assert models_in_force(api, key) == {LARGE}


def test_a_team_with_keys_is_kept(api: Api) -> None:
    """409 team_in_use names one of them."""
    put(api, "research", SMALL)
    key = api.created(team="research")
    answer = api.delete("/teams/research")
    assert error_of(answer) == (409, "team_in_use", None)
    assert answer.headers["x-api-key-id"] == key["id"]


def test_a_team_whose_keys_are_gone_is_deleted(api: Api) -> None:
    """And then it is 404."""
    put(api, "research", SMALL)
    api.delete(f"/api-keys/{api.created(team='research')['id']}")
    assert api.delete("/teams/research").json() == {
        "object": "team.deleted",
        "id": "research",
        "deleted": True,
        "managed_by": None,
        "declared_as": None,
    }
    answers = [api.get("/teams/research"), api.delete("/teams/research")]
    assert [error_of(answer) for answer in answers] == [(404, "team_not_found", None)] * 2


def test_a_team_names_an_upstream_key_that_the_gateway_has(api: Api) -> None:
    """In force on its keys at once, those that come later too; cleared by a PUT without it."""
    body = {"allowed_models": [SMALL], "upstream_key": "research"}
    put(api, "research", SMALL)
    first = api.created(team="research")
    assert api.call("PUT", "/teams/research", json=body).json()["upstream_key"] == "research"
    second = api.created(name="second", team="research")
    assert [upstream_key_in_force(api, key) for key in (first, second)] == ["research", "research"]
    put(api, "research", SMALL)

    assert [upstream_key_in_force(api, key) for key in (first, second)] == [None, None]


def upstream_key_in_force(api: Api, created: dict[str, Any]) -> str | None:
    access = api.directory.find(hashlib.sha256(created["api_key"].encode()).digest())
    assert access is not None
    return access.upstream_key


def test_an_unknown_upstream_key_is_refused_in_one_line(api: Api) -> None:
    """It says which names there are; nothing is written."""
    body = {"allowed_models": [SMALL], "upstream_key": "reserach"}
    answer = api.call("PUT", "/teams/research", json=body)

    assert error_of(answer)[:2] == (400, "upstream_key_unknown")
    assert answer.json()["error"]["param"] == "upstream_key"
    assert answer.json()["error"]["message"] == (
        "This gateway has no upstream key `reserach`: it knows default, research; correct the name, or start "
        "the gateway with --upstream-key"
    )
    assert api.get("/teams").json()["data"] == []
