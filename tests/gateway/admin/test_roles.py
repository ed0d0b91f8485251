"""What each role may do: every operation of the OpenAPI document, for objects of every team."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admin_plane import KEY, Api, error_of

MODELS = {"allowed_models": ["llama-3.1-8b-instant"]}
POLICY = {"monthly_cap_usd": 100}
IDENTITY = {
    "issuer": "https://issuer.example.com",
    "audience": "https://groq.example.com",
    "claims": {"sub": "deploy"},
    "admin_role": "viewer",
}
TEAMS = ("ops", "research", None)
EVERYWHERE = frozenset(TEAMS)
OPS = frozenset({"ops"})

# Need -> caller -> the teams for whose objects it may; what is not named may not at all.
TABLE: dict[str, dict[str, frozenset[str | None]]] = {
    "keys.read": {
        "owner": EVERYWHERE,
        "team-admin:ops": OPS,
        "viewer": EVERYWHERE,
        "viewer:ops": OPS,
    },
    "keys.write": {"owner": EVERYWHERE, "team-admin:ops": OPS},
    "keys.resume": {"owner": EVERYWHERE, "team-admin:ops": OPS},
    "teams.read": {"owner": EVERYWHERE, "team-admin:ops": OPS, "viewer": EVERYWHERE, "viewer:ops": OPS},
    "teams.write": {"owner": EVERYWHERE},
    "spending.read": {"owner": EVERYWHERE, "billing": EVERYWHERE, "viewer": EVERYWHERE},
    "spending.write": {"owner": EVERYWHERE, "billing": EVERYWHERE},
    "usage.read": {
        "owner": EVERYWHERE,
        "team-admin:ops": EVERYWHERE,
        "billing": EVERYWHERE,
        "viewer": EVERYWHERE,
        "viewer:ops": EVERYWHERE,
    },
    "models.read": {
        "owner": EVERYWHERE,
        "team-admin:ops": EVERYWHERE,
        "billing": EVERYWHERE,
        "viewer": EVERYWHERE,
        "viewer:ops": EVERYWHERE,
    },
    "changes.read": {"owner": EVERYWHERE, "viewer": EVERYWHERE, "auditor": EVERYWHERE},
    "admin_keys.read": {"owner": EVERYWHERE, "viewer": EVERYWHERE},
    "admin_keys.write": {"owner": EVERYWHERE},
}
CALLERS = ("owner", "team-admin:ops", "billing", "viewer", "viewer:ops", "auditor")


@pytest.fixture
def organisation(api: Api) -> Api:
    """Two teams, a key of each and one of none, and a policy."""
    for team in TEAMS:
        if team is not None:
            assert api.call("PUT", f"/teams/{team}", json=MODELS).status_code == 200
        api.created(name=f"of-{team}", team=team)
    api.call("PUT", "/spend-policy", json=POLICY)
    admin_key(api)
    return api


def operations(api: Api) -> Iterator[tuple[str, str, str]]:
    """Method, path below `/openai/v1`, and need of every operation."""
    document = api.portal.call(api._call, "GET", "http://gateway/openapi.json", {}).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") == []:
                continue  # the exchange of tokens, which no role is asked for
            yield method.upper(), path.removeprefix("/openai/v1"), operation["x-takes"]


def key_of(api: Api, team: str | None) -> str:
    """The id of the key of `team`, made anew where a call before has deleted it."""
    found: list[dict[str, Any]] = api.get("/api-keys", name=f"of-{team}").json()["data"]
    key = found[0] if found else api.created(name=f"of-{team}", team=team)
    return str(key["id"])


def admin_key(api: Api) -> str:
    """The id of an admin key, made anew where a call before has deleted it."""
    found = [key for key in api.get("/admin-keys").json()["data"] if key["name"] == "watcher"]
    made = {"name": "watcher", "role": "viewer"}
    key = found[0] if found else api.call("POST", "/admin-keys", json=made).json()
    return str(key["id"])


def identity(api: Api, name: str) -> None:
    """A workload identity for the operations on one, made anew where a call before has deleted it."""
    api.call("PUT", f"/workload-identities/{name}", json=IDENTITY)


def ask(api: Api, caller: str, method: str, path: str, team: str | None) -> Any:
    """One operation on an object of `team`."""
    body: dict[str, Any] = {}
    if path.startswith("/api-keys"):
        body = KEY | {"name": "new", "team": team} if method == "POST" else {"monthly_budget_usd": 5}
    elif path.startswith("/admin-keys"):
        body = {"name": "new", "role": "viewer"} if method == "POST" else {"expires_at": None}
    elif path.startswith("/workload-identities"):
        body = IDENTITY
    elif path.startswith("/teams"):
        body = MODELS
    elif path.startswith("/spend-policy"):
        body = POLICY
    name = team or "nobody"
    key_id = admin_key(api) if path.startswith("/admin-keys") else key_of(api, team)
    filled = path.replace("{key_id}", key_id).replace("{name}", name)
    content = {} if method in {"GET", "DELETE"} else {"json": body}
    return api.by(caller).call(method, filled, **content)


@pytest.mark.parametrize("caller", CALLERS)
def test_every_route_keeps_to_the_table(organisation: Api, caller: str) -> None:
    """Whoever may is not refused for the role, and whoever may not is, with 403 `insufficient_role`."""
    refused, expected = set(), set()
    asked = 0
    for method, path, need in operations(organisation):
        has_team = "{" in path or (method == "POST" and path == "/api-keys")
        for team in TEAMS if has_team else ("ops",):
            answer = ask(organisation, caller, method, path, team)
            asked += 1
            if answer.status_code == 403:
                assert error_of(answer)[1] == "insufficient_role"
                assert f"Role `{caller.partition(':')[0]}`" in answer.json()["error"]["message"]
                refused.add((method, path, team))
            if team not in TABLE[need].get(caller, frozenset()):
                expected.add((method, path, team))
    assert asked > 20
    assert refused == expected


def test_a_route_without_a_need_is_refused_at_the_start(api: Api) -> None:
    """Every operation says what it takes."""
    needs = {need for _, _, need in operations(api)}
    assert needs <= TABLE.keys()
    assert len(needs) > 7


@pytest.mark.parametrize("caller", ["team-admin:ops", "viewer:ops"])
def test_lists_show_the_callers_teams_only(organisation: Api, caller: str) -> None:
    """Keys, teams, usage by key and its sum."""
    scoped = organisation.by(caller)
    for team in TEAMS:
        key_id = key_of(organisation, team)
        at = organisation.clock.now()
        organisation.usage.book(key_id, requests=1, tokens=10, cost_micro_usd=1_000_000, at=at)
    usage = scoped.get("/usage").json()
    seen = (
        [key["name"] for key in scoped.get("/api-keys").json()["data"]],
        [team["name"] for team in scoped.get("/teams").json()["data"]],
        [row["key_name"] for row in usage["usage_by_key"]],
        usage["month_to_date"]["cost_usd"],
    )
    assert seen == (["of-ops"], ["ops"], ["of-ops"], 1)


def test_a_filter_for_another_team_is_refused(organisation: Api) -> None:
    """It does not look as if that team had no keys."""
    answer = organisation.by("viewer:ops").get("/api-keys", team="research")
    assert error_of(answer)[:2] == (403, "insufficient_role")


def test_a_team_admin_moves_no_key(organisation: Api) -> None:
    """Neither away from its team, nor into it, nor out of any."""
    admin = organisation.by("team-admin:ops")
    mine, theirs = key_of(organisation, "ops"), key_of(organisation, "research")
    answers = [
        admin.patch(mine, team="research"),
        admin.patch(mine, team=None),
        admin.patch(theirs, team="ops"),
        admin.patch(key_of(organisation, None), team="ops"),
        admin.create(name="new", team="ops", replaces=theirs),
    ]
    assert [error_of(answer)[1] for answer in answers] == ["insufficient_role"] * 5
    assert organisation.get(f"/api-keys/{mine}").json()["team"] == "ops"


def test_a_refusal_does_not_name_the_other_team(organisation: Api) -> None:
    """Nor anything else of its key."""
    refused = organisation.by("team-admin:ops").get(f"/api-keys/{key_of(organisation, 'research')}").text
    assert "research" not in refused


def test_another_callers_idempotency_key_replays_nothing(organisation: Api) -> None:
    """The answer, which holds the key's value, is for whoever asked first; others make a key of their own."""
    admin, other = organisation.by("team-admin:ops"), organisation.by("team-admin:ops,research")
    first = admin.create(idempotency_key="same", name="new", team="ops").json()
    again = admin.create(idempotency_key="same", name="new", team="ops").json()
    others = other.create(idempotency_key="same", name="new", team="ops").json()
    assert again["api_key"] == first["api_key"]
    assert others["id"] != first["id"]


def test_a_replay_after_a_move_is_refused(organisation: Api) -> None:
    """A key that an owner has moved to another team is that team's, its value too."""
    admin = organisation.by("team-admin:ops")
    first = admin.create(idempotency_key="same", name="new", team="ops").json()
    organisation.patch(first["id"], team="research")
    answer = admin.create(idempotency_key="same", name="new", team="ops")
    assert error_of(answer)[:2] == (403, "insufficient_role")
    assert first["api_key"] not in answer.text


def test_a_team_admin_joins_no_lineage_of_another_team(organisation: Api) -> None:
    """Not by declaring a key where a deleted one of that team was declared."""
    place = {"managed_by": "acme/infra/prod", "declared_as": "bot", "name": "bot"}
    gone = organisation.created(team="research", **place)
    organisation.delete(f"/api-keys/{gone['id']}")
    made = organisation.by("team-admin:ops").create(team="ops", **place).json()
    assert made["lineage_id"] != gone["lineage_id"]


CALLER = st.sampled_from(["team-admin:ops", "viewer:ops", "viewer"])
RIGHT = st.sampled_from(
    [
        ("POST", "/admin-keys", {"name": "new", "role": "owner"}),
        ("POST", "/admin-keys", {"name": "watcher", "role": "owner", "replaces": "WATCHER"}),
        ("PATCH", "/admin-keys/WATCHER", {"role": "owner"}),
        ("PATCH", "/admin-keys/WATCHER", {"role": "viewer", "teams": []}),
        ("DELETE", "/admin-keys/WATCHER", None),
        ("PUT", "/workload-identities/deploy", {**IDENTITY, "admin_role": "owner"}),
        ("PUT", "/workload-identities/new", {**IDENTITY, "claims": {"sub": "evil"}}),
        ("DELETE", "/workload-identities/deploy", None),
        ("PUT", "/teams/ops", {"allowed_models": ["llama-3.1-8b-instant", "llama-3.3-70b-versatile"]}),
        ("PUT", "/spend-policy", {"monthly_cap_usd": 1_000_000}),
    ]
)
"""What would give more, asked for by hand; WATCHER is the id of an admin key."""

STEPS = st.lists(
    st.tuples(
        CALLER,
        st.integers(0, 200) | RIGHT,
        st.sampled_from(TEAMS),
        st.sampled_from(TEAMS),
    ),
    min_size=1,
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(steps=STEPS)
def test_no_sequence_of_calls_widens_a_role(organisation: Api, steps: list[tuple[Any, ...]]) -> None:
    """Whatever a team-admin and viewers call: other teams' keys, the teams, the policy, admin keys, their
    rotation and workload identities stay as they are, and what each may do is what it could do before.
    """
    identity(organisation, "deploy")
    watcher = admin_key(organisation)
    routes = sorted(operations(organisation))
    before = _foreign(organisation)
    for caller, step, team, other in steps:
        organisation.clock.advance(minutes=1)
        if isinstance(step, int):
            method, path, _ = routes[step % len(routes)]
            ask(organisation, caller, method, path, team)
        else:
            method, path, body = step
            filled = json.loads(json.dumps(body).replace("WATCHER", watcher))
            content = {} if body is None else {"json": filled}
            answer = organisation.by(caller).call(method, path.replace("WATCHER", watcher), **content)
            assert error_of(answer)[:2] == (403, "insufficient_role")
        with suppress(LookupError):
            organisation.by(caller).patch(key_of(organisation, team), team=other)
    assert _foreign(organisation) == before
    for caller in ("team-admin:ops", "viewer:ops"):
        names = {key["team"] for key in organisation.by(caller).get("/api-keys").json()["data"]}
        assert names <= {"ops"}


def _foreign(api: Api) -> Any:
    """Everything that is not of the team `ops`."""
    asked = ({"team": "research"}, {"name": "of-research"}, {"name": "of-None"})
    keys = [api.get("/api-keys", **each).json()["data"] for each in asked]
    policy = api.get("/spend-policy").json()
    keys.append(api.get("/admin-keys").json()["data"])
    keys.append(api.get("/workload-identities").json()["data"])
    return keys, api.get("/teams").json(), policy
