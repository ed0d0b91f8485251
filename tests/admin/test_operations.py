"""Each operation: what it sends, how often, and what it gives back."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import httpx
import pytest

from pulumi_groq.admin import AdminClient
from pulumi_groq.errors import ApiError, GroqError, UnexpectedAnswerError
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import TeamSettings

KEY_ID = "key_01000000000000000000000001"
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
DELETED = {"object": "api_key.deleted", "id": KEY_ID, "deleted": True}


@pytest.mark.parametrize(
    ("operate", "line"),
    [
        (lambda c: c.get_key(KEY_ID), f"GET /openai/v1/api-keys/{KEY_ID}"),
        (lambda c: c.delete_key(KEY_ID), f"DELETE /openai/v1/api-keys/{KEY_ID}"),
        (
            lambda c: c.delete_key(KEY_ID, unless_used_within_s=3600),
            f"DELETE /openai/v1/api-keys/{KEY_ID}?unless_used_within_s=3600",
        ),
        (lambda c: list(c.list_keys()), "GET /openai/v1/api-keys?limit=100"),
        (
            lambda c: list(c.list_keys(managed_by="acme/groq/dev", name="a b&c", team="é")),
            "GET /openai/v1/api-keys?limit=100&managed_by=acme%2Fgroq%2Fdev&name=a+b%26c&team=%C3%A9",
        ),
        (lambda c: c.snapshot(lineage_id=KEY_ID), f"GET /openai/v1/api-keys?limit=100&lineage_id={KEY_ID}"),
        (lambda c: c.list_teams(), "GET /openai/v1/teams"),
        (lambda c: c.get_team("research"), "GET /openai/v1/teams/research"),
        (lambda c: c.get_team("a/b ?#%é"), "GET /openai/v1/teams/a%2Fb%20%3F%23%25%C3%A9"),
        (lambda c: c.delete_team(".."), "DELETE /openai/v1/teams/%2E%2E"),
        (lambda c: c.get_spend_policy(), "GET /openai/v1/spend-policy"),
        (lambda c: c.delete_spend_policy(), "DELETE /openai/v1/spend-policy"),
        (lambda c: c.usage(), "GET /openai/v1/usage"),
        (
            lambda c: list(c.usage_buckets(since=FIRST, until=LAST, group_by=("day", "key"))),
            "GET /openai/v1/usage/buckets?since=2026-11-01&until=2026-11-30&group_by=day%2Ckey&limit=1000",
        ),
        (
            lambda c: list(c.denials(since=FIRST, until=LAST, key_id=KEY_ID)),
            f"GET /openai/v1/usage/denials?since=2026-11-01&until=2026-11-30&key_id={KEY_ID}&limit=1000",
        ),
        (lambda c: c.resume_key("key_01"), "DELETE /openai/v1/api-keys/key_01/pause"),
        (
            lambda c: c.changes(20),
            "GET /openai/v1/changes?limit=20&action=created%2Cupdated%2Cdeleted%2Cpaused%2Cresumed",
        ),
        (lambda c: c.models(), "GET /openai/v1/models"),
    ],
)
def test_request_line(
    operate: Callable[[AdminClient], object], line: str, make_client: Any, script: Any, refusal: Any
) -> None:
    """Method, path and query are the contract's; names cannot steer a request to another path."""
    server = script(refusal(409))
    with pytest.raises(ApiError):
        operate(make_client(server))
    assert server.lines == [line]


@pytest.mark.parametrize(
    ("operate", "line", "body"),
    [
        (
            lambda c: c.create_key(
                ApiKeyCreate(name="a", allowed_models=["m"], monthly_budget_usd=Decimal("2.50")), "token"
            ),
            "POST /openai/v1/api-keys",
            {
                "name": "a",
                "allowed_models": ["m"],
                "allowed_tools": [],
                "monthly_budget_usd": 2.5,
                "budgets": [],
                "model_limits": {},
                "metadata": {},
            },
        ),
        (
            lambda c: c.update_key(KEY_ID, ApiKeyUpdate(requests_per_minute=5, team=None)),
            f"PATCH /openai/v1/api-keys/{KEY_ID}",
            {"requests_per_minute": 5, "team": None},
        ),
        (
            lambda c: c.put_team("research", TeamSettings(allowed_models=["m"])),
            "PUT /openai/v1/teams/research",
            {"allowed_models": ["m"], "allowed_tools": [], "budgets": []},
        ),
        (
            lambda c: c.put_spend_policy(SpendPolicySettings(monthly_cap_usd=Decimal(500))),
            "PUT /openai/v1/spend-policy",
            {
                "monthly_cap_usd": 500,
                "alert_thresholds_usd": [],
                "auto_pause": True,
                "alert_webhook_urls": [],
                "budgets": [],
            },
        ),
    ],
)
def test_body(
    operate: Callable[[AdminClient], object],
    line: str,
    body: dict[str, Any],
    make_client: Any,
    script: Any,
    refusal: Any,
) -> None:
    """A create and a put send what is set; an update sends the fields that were set, None as null."""
    server = script(refusal(409))
    with pytest.raises(ApiError):
        operate(make_client(server))
    assert server.lines == [line]
    assert json.loads(server.requests[0].content) == body
    assert server.requests[0].headers["content-type"] == "application/json"


def test_headers_of_every_request(make_client: Any, script: Any, answer: Any, usage_body: Any) -> None:
    """The admin key is the bearer, and the client says who it is."""
    server = script(answer(200, usage_body))
    make_client(server).usage()
    headers = server.requests[0].headers
    assert headers["authorization"] == "Bearer adm-0123456789-secret"
    assert headers["user-agent"] == f"pulumi-groq/{version('pulumi-groq')} python"
    assert headers["accept"] == "application/json"
    assert "idempotency-key" not in headers


@pytest.mark.parametrize(("header", "replayed"), [({}, False), ({"Idempotent-Replayed": "true"}, True)])
def test_create_is_one_request(
    header: dict[str, str], replayed: bool, make_client: Any, script: Any, answer: Any, key_body: Any
) -> None:
    """A create is one request, gives the key's value, and says whether it was a replay."""
    server = script(answer(201, key_body(api_key="pgq_value"), header))
    created = make_client(server).create_key(ApiKeyCreate(name="key-1", allowed_models=["m"]), "token")
    assert created.key.api_key == "pgq_value"
    assert created.replayed == replayed
    assert "pgq_value" not in repr(created)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (250, 3)])
def test_list_is_one_request_per_hundred_keys(
    count: int, requests: int, make_client: Any, script: Any, key_pages: Any
) -> None:
    """N keys cost one request per 100, and come in the server's order."""
    server = script(key_pages(count))
    keys = list(make_client(server).list_keys())
    assert [key.name for key in keys] == [f"key-{number}" for number in range(1, count + 1)]
    assert len(server.requests) == requests


def test_list_is_read_as_far_as_it_is_wanted(make_client: Any, script: Any, key_pages: Any) -> None:
    """Who stops early pays for no further page."""
    server = script(key_pages(250))
    assert next(make_client(server).list_keys()).name == "key-1"
    assert len(server.requests) == 1


def test_snapshot_holds_all_pages_and_the_servers_time(make_client: Any, script: Any, key_pages: Any) -> None:
    """A snapshot knows every key by its id, and when the server began to list."""
    snapshot = make_client(script(key_pages(101))).snapshot(managed_by="acme/groq/dev")
    assert len(snapshot.keys) == 101
    assert snapshot.keys[KEY_ID].name == "key-1"
    assert snapshot.as_of.isoformat() == "2026-11-23T12:00:00+00:00"


@pytest.mark.parametrize("last_id", [None, KEY_ID])
def test_pages_that_go_in_circles_are_refused(
    last_id: str | None, make_client: Any, script: Any, answer: Any, key_body: Any
) -> None:
    """A server whose cursor does not move cannot keep the client busy for ever."""
    page = {"object": "list", "as_of": "2026-11-23T12:00:00Z", "data": [key_body()], "has_more": True}
    same = answer(200, page | {"first_id": KEY_ID, "last_id": last_id})
    end = answer(200, page | {"first_id": KEY_ID, "last_id": KEY_ID, "has_more": False})
    server = script(same, same, end)
    with pytest.raises(UnexpectedAnswerError, match="go in circles"):
        list(make_client(server).list_keys())
    assert len(server.requests) <= 2


@pytest.mark.parametrize(
    ("operate", "code"),
    [
        (lambda c: c.delete_key(KEY_ID), "api_key_not_found"),
        (lambda c: c.delete_team("research"), "team_not_found"),
        (lambda c: c.delete_spend_policy(), "spend_policy_not_found"),
    ],
)
def test_deleting_what_is_gone_succeeds(
    operate: Callable[[AdminClient], None], code: str, make_client: Any, script: Any, refusal: Any
) -> None:
    """The aim of a delete is reached when there is nothing."""
    server = script(refusal(404, code))
    operate(make_client(server))
    assert len(server.requests) == 1


def test_delete_is_done_when_the_server_says_so(make_client: Any, script: Any, answer: Any) -> None:
    """A delete is one request."""
    server = script(answer(200, DELETED))
    make_client(server).delete_key(KEY_ID)
    assert len(server.requests) == 1


def test_answers_become_models(
    make_client: Any, answer: Any, team_body: Any, policy_body: Any, usage_body: Any, key_body: Any
) -> None:
    """Each answer is a model with money as decimals and times in UTC."""
    team = make_client(answer(200, team_body)).get_team("research")
    teams = make_client(answer(200, {"object": "list", "data": [team_body]})).list_teams()
    policy = make_client(answer(200, policy_body)).get_spend_policy()
    usage = make_client(answer(200, usage_body)).usage()
    key = make_client(answer(200, key_body())).update_key(KEY_ID, ApiKeyUpdate(disabled=False))
    assert teams == [team]
    assert policy.status.spent_usd == Decimal("120.5")
    assert usage.usage_by_key[0].month_to_date.requests == 12
    assert (key.monthly_budget_usd, key.tokens_per_day) == (Decimal("12.5"), "unlimited")


def test_models_are_listed(make_client: Any, answer: Any) -> None:
    """A model of Groq's list carries its sizes where the server gives them."""
    listed = {"id": "openai/gpt-oss-20b", "object": "model", "created": 1754407957, "owned_by": "OpenAI"}
    sized = listed | {"id": "b", "active": False, "context_window": 131072, "public_apps": None}
    models = make_client(answer(200, {"object": "list", "data": [listed, sized]})).models()
    assert [(model.id, model.active, model.context_window) for model in models] == [
        ("openai/gpt-oss-20b", True, None),
        ("b", False, 131072),
    ]


def test_fields_of_later_servers_are_ignored(make_client: Any, answer: Any, key_body: Any) -> None:
    """A server may add fields at any depth without breaking programs in use."""
    body = key_body(colour="blue")
    body["effective_limits"]["images_per_minute"] = 3
    assert make_client(answer(200, body)).get_key(KEY_ID).name == "key-1"


@pytest.mark.parametrize(
    "operate",
    [
        lambda c: c.get_key(""),
        lambda c: c.get_key("../teams"),
        lambda c: c.get_key("key 1"),
        lambda c: c.get_key("x" * 65),
        lambda c: c.delete_key("pgq_" + "a" * 48),
        lambda c: c.get_team(""),
        lambda c: c.get_team("a\nb"),
        lambda c: c.get_team("\ud800"),
        lambda c: list(c.list_keys(name="\ud800")),
        lambda c: list(c.list_keys(name="")),
        lambda c: c.create_key(ApiKeyCreate(name="a", allowed_models=["m"]), ""),
        lambda c: c.create_key(ApiKeyCreate(name="a", allowed_models=["m"]), "a\r\nx-evil: 1"),
    ],
)
def test_impossible_arguments_are_refused_before_sending(
    operate: Callable[[AdminClient], object], make_client: Any, script: Any, answer: Any
) -> None:
    """What cannot name anything gives one line and no request, and a key's value is never sent as an id."""
    server = script(answer(200, {}))
    with pytest.raises(GroqError) as caught:
        operate(make_client(server))
    assert server.requests == []
    assert "pgq_" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_client_closes_with_its_block(settings: Any, answer: Any, usage_body: Any) -> None:
    """Leaving the block closes the connections for good."""
    with AdminClient(settings, transport=httpx.MockTransport(answer(200, usage_body))) as client:
        assert client.usage().month == "2026-11"
    with pytest.raises(RuntimeError, match="closed"):
        client.usage()
