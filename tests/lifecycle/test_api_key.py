"""A key's lifecycle on canned answers: what it asks of the admin API, and what it makes of the answers."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pulumi_groq.admin import AdminClient, AdminSettings, KeyListing
from pulumi_groq.errors import ConfigurationError, ConflictError
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.key_state import ApiKeyArgs, ApiKeyState
from pulumi_groq.lifecycle.properties import dump, parse

INPUTS: dict[str, Any] = {
    "name": "chatbot-prod",
    "allowed_models": ["openai/gpt-oss-20b"],
    "requests_per_minute": 500,
    "managed_by": "organization/infra/dev",
    "declared_as": "chatbot-prod",
}
OWNER = {"managed_by": "organization/infra/dev", "declared_as": "chatbot-prod", "claim": "drawn"}
"""What every update says of who sends it."""

ARGS = parse(ApiKeyArgs, INPUTS)
Answer = tuple[int, dict[str, Any]] | tuple[int, dict[str, Any], dict[str, str]]


def key(key_id: str = "key_1", **fields: Any) -> dict[str, Any]:
    """A key as the admin API shows it."""
    limits = {"tokens_per_minute": None, "requests_per_day": None, "tokens_per_day": None}
    return {
        "object": "api_key",
        "id": key_id,
        **INPUTS,
        **limits,
        "monthly_budget_usd": None,
        "expires_at": None,
        "team": None,
        "metadata": {},
        "replaces": None,
        "lineage_id": key_id,
        "generation": 1,
        "status": "active",
        "effective_limits": {"requests_per_minute": 500, **limits},
        "last_four": "aB3d",
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:00Z",
        "last_used_at": None,
        **fields,
    }


def page(*keys: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    """A page of keys as the admin API shows it."""
    ids = [listed["id"] for listed in keys] or [None]
    return {
        "object": "list",
        "as_of": "2026-11-02T00:00:00Z",
        "data": list(keys),
        "first_id": ids[0],
        "last_id": ids[-1],
        "has_more": has_more,
    }


def error(code: str) -> dict[str, Any]:
    return {"error": {"message": f"because of {code}", "type": "invalid_request_error", "code": code}}


class Server:
    """Answers in order and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.tokens: list[str | None] = []
        self.told: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        self.asked.append(
            " ".join([request.method, request.url.path, *(f"{k}={v}" for k, v in query.items())])
        )
        self.bodies.append(json.loads(request.content) if request.content else None)
        self.tokens.append(request.headers.get("idempotency-key"))
        status, body, *headers = self.answers.pop(0)
        return httpx.Response(status, json=body, headers=headers[0] if headers else None)


@pytest.fixture
def lifecycle_on() -> Callable[[Server], ApiKeyLifecycle]:
    """Makes a lifecycle that talks to canned answers."""

    def make(server: Server) -> ApiKeyLifecycle:
        settings = AdminSettings("http://127.0.0.1:1", "admin-key")
        client = AdminClient(settings, transport=httpx.MockTransport(server), sleep=lambda _: None)
        return ApiKeyLifecycle(client, KeyListing(client), server.told.append, lambda: "drawn")

    return make


def state(**fields: Any) -> ApiKeyState:
    """The state of the key after its create."""
    outputs = {
        "key_id": "key_1",
        "lineage_id": "key_1",
        "api_key": "pgq_value",
        "last_four": "aB3d",
        "status": "active",
        "created_at": "2026-11-01T00:00:00Z",
        "generation": 1,
    }
    return parse(ApiKeyState, {**INPUTS, **outputs, **fields})


def test_create_is_one_request(lifecycle_on: Any) -> None:
    """A create posts what is declared, unset fields left out, and keeps the value."""
    server = Server((201, key(api_key="pgq_value")))
    key_id, created = lifecycle_on(server).create(ARGS)
    assert server.asked == ["POST /openai/v1/api-keys"]
    empty: dict[str, Any] = {"allowed_tools": [], "budgets": [], "model_limits": {}, "metadata": {}}
    assert server.bodies == [{**INPUTS, **empty, "claim": "drawn"}]
    assert (key_id, created) == ("key_1", state(claim="drawn"))


def test_same_declaration_sends_the_same_idempotency_key(lifecycle_on: Any) -> None:
    """The idempotency key depends on what is declared and nothing else, so that the next run repeats it."""
    servers = [Server((201, key(api_key="pgq_value"))) for _ in range(3)]
    for server, args in zip(
        servers, [ARGS, ARGS, ARGS.model_copy(update={"declared_as": "other"})], strict=True
    ):
        lifecycle_on(server).create(args)
    first, again, elsewhere = (server.tokens[0] for server in servers)
    assert first == again
    assert first != elsewhere


@pytest.mark.parametrize("code", ["already_declared", "idempotency_key_expired"])
def test_key_left_behind_unused_is_replaced(lifecycle_on: Any, code: str) -> None:
    """A key of an earlier run whose value is lost goes, if nobody has used it, and the create is repeated."""
    server = Server(
        (409, error(code), {"x-api-key-id": "key_0"}),
        (200, key("key_0")),
        (200, page(key("key_0"))),
        (200, {"object": "api_key.deleted", "id": "key_0", "deleted": True}),
        (201, key(api_key="pgq_value")),
    )
    lifecycle_on(server).create(ARGS)
    assert server.asked[3] == "DELETE /openai/v1/api-keys/key_0 unless_used_within_s=31622400"


def test_key_left_behind_in_use_is_never_deleted(lifecycle_on: Any) -> None:
    """A key that somebody uses stays; the error says how to take it over."""
    server = Server(
        (409, error("already_declared"), {"x-api-key-id": "key_0"}),
        (200, key("key_0")),
        (200, page(key("key_0"))),
        (409, error("key_in_use")),
    )
    with pytest.raises(ConflictError, match="adopt_key_id='key_0'"):
        lifecycle_on(server).create(ARGS)


@pytest.mark.parametrize("named", [1, 2])
def test_key_that_was_rotated_is_never_deleted(lifecycle_on: Any, named: int) -> None:
    """A state that is lost or edited had its value: the error says how to take the newest one over."""
    first, second = key("key_0"), key("key_00", lineage_id="key_0", generation=2)
    server = Server(
        (409, error("already_declared"), {"x-api-key-id": "key_0" if named == 1 else "key_00"}),
        (200, first if named == 1 else second),
        (200, page(first, second) if named == 1 else page(second)),
    )
    with pytest.raises(ConfigurationError, match="was rotated: take it over with adopt_key_id='key_00'"):
        lifecycle_on(server).create(ARGS)
    assert [call for call in server.asked if call.startswith("DELETE")] == []


def test_key_left_behind_that_is_declared_elsewhere_is_never_deleted(lifecycle_on: Any) -> None:
    """A key that another declaration has taken over since is no leftover."""
    server = Server(
        (409, error("idempotency_key_expired"), {"x-api-key-id": "key_0"}),
        (200, key("key_0", declared_as="moved")),
    )
    with pytest.raises(ConfigurationError, match="is declared as 'moved' in organization/infra/dev now"):
        lifecycle_on(server).create(ARGS)
    assert len(server.asked) == 2


def test_other_conflicts_are_passed_on(lifecycle_on: Any) -> None:
    """A conflict that no lost answer explains deletes nothing."""
    server = Server((409, error("idempotency_key_reused"), {"x-api-key-id": "key_0"}))
    with pytest.raises(ConflictError):
        lifecycle_on(server).create(ARGS)
    assert len(server.asked) == 1


def test_disabled_key_is_created_disabled(lifecycle_on: Any) -> None:
    """A key that is declared disabled is disabled before the create returns."""
    server = Server((201, key(api_key="pgq_value")), (200, key(status="disabled")))
    _, created = lifecycle_on(server).create(ARGS.model_copy(update={"disabled": True}))
    assert server.bodies[1] == {"disabled": True, **OWNER}
    assert (created.status, created.api_key) == ("disabled", "pgq_value")


def test_adopting_changes_what_differs(lifecycle_on: Any) -> None:
    """An adopted key is changed to what is declared, in one update, and has no value in state."""
    foreign: dict[str, Any] = {
        "managed_by": "organization/old/dev",
        "requests_per_minute": 9,
        "tokens_per_minute": 5,
    }
    server = Server((200, key(**foreign)), (200, key()))
    _, adopted = lifecycle_on(server).create(ARGS.model_copy(update={"adopt_key_id": "key_1"}))
    assert server.bodies[1] == {
        "requests_per_minute": 500,
        "tokens_per_minute": None,
        **OWNER,
    }
    assert (adopted.api_key, adopted.claim) == (None, "drawn")
    assert server.told == [
        "chatbot-prod: API key key_1 was managed by organization/old/dev; it is now managed here"
    ]


def test_adopting_under_another_name_is_refused(lifecycle_on: Any) -> None:
    """A key keeps its name, so adopting needs the same one."""
    server = Server((200, key(name="legacy")))
    with pytest.raises(ConfigurationError, match="declare name='legacy'"):
        lifecycle_on(server).create(ARGS.model_copy(update={"adopt_key_id": "key_1"}))


def test_unchanged_diff_asks_nothing(lifecycle_on: Any) -> None:
    """State and inputs that agree are compared without a request."""
    server = Server()
    lifecycle = lifecycle_on(server)
    inputs = lifecycle.check(INPUTS, INPUTS).inputs
    assert lifecycle.diff("key_1", dump(state()), inputs).changed == ()
    assert server.asked == []


def test_update_sends_what_changed(lifecycle_on: Any) -> None:
    """An update holds what changed and its owner; what is no longer declared is cleared; the value stays."""
    server = Server((200, key(requests_per_minute=None, tokens_per_minute=7)))
    args = ARGS.model_copy(update={"requests_per_minute": None, "tokens_per_minute": 7})
    updated = lifecycle_on(server).update("key_1", state(), args)
    assert server.asked == ["PATCH /openai/v1/api-keys/key_1"]
    assert server.bodies == [{"requests_per_minute": None, "tokens_per_minute": 7, **OWNER}]
    assert (updated.api_key, updated.tokens_per_minute) == ("pgq_value", 7)


def test_change_of_what_only_this_side_knows_asks_nothing(lifecycle_on: Any) -> None:
    """Allowing deletion in use changes the state, not the key."""
    server = Server()
    updated = lifecycle_on(server).update(
        "key_1", state(), ARGS.model_copy(update={"allow_delete_in_use": True})
    )
    assert updated.allow_delete_in_use
    assert server.asked == []


def test_refresh_of_many_keys_is_a_page_per_hundred(lifecycle_on: Any) -> None:
    """Reading 200 keys of one stack lists two pages and reads nothing else."""
    keys = [key(f"key_{number}") for number in range(200)]
    server = Server((200, page(*keys[:100], has_more=True)), (200, page(*keys[100:])))
    lifecycle = lifecycle_on(server)
    for listed in keys:
        found = lifecycle.read(listed["id"], state(key_id=listed["id"], lineage_id=listed["id"]))
        assert found is not None
    assert len(server.asked) == 2


def test_read_shows_drift(lifecycle_on: Any) -> None:
    """Limits changed and a key disabled elsewhere come back as they are now."""
    drifted = key(requests_per_minute=9, status="disabled")
    found = lifecycle_on(Server((200, page(drifted)))).read("key_1", state())
    assert (found.requests_per_minute, found.disabled, found.api_key) == (9, True, "pgq_value")


def test_only_the_servers_404_means_gone(lifecycle_on: Any) -> None:
    """A key that is on no list is asked for by itself before it counts as gone."""
    server = Server((200, page()), (404, error("api_key_not_found")), (200, page()))
    assert lifecycle_on(server).read("key_1", state()) is None
    assert server.asked[1] == "GET /openai/v1/api-keys/key_1"


def test_delete_spares_a_key_in_use(lifecycle_on: Any) -> None:
    """The delete carries the quiet period; a refusal says what would let it through."""
    server = Server((409, error("key_in_use")))
    with pytest.raises(ConflictError, match="allow_delete_in_use=True"):
        lifecycle_on(server).delete("key_1", state())
    assert server.asked == ["DELETE /openai/v1/api-keys/key_1 unless_used_within_s=86400 claim=drawn"]


def test_delete_in_use_can_be_allowed(lifecycle_on: Any) -> None:
    """With the permission declared the delete asks no question."""
    server = Server((200, {"object": "api_key.deleted", "id": "key_1", "deleted": True}))
    lifecycle_on(server).delete("key_1", state(allow_delete_in_use=True))
    assert server.asked == ["DELETE /openai/v1/api-keys/key_1 claim=drawn"]
