"""Whatever a server, a proxy or an attacker answers: a result or a GroqError, and never a key in its text."""

import json
from datetime import date
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.errors import GroqError
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.models.team import TeamSettings

ADMIN_KEY = "adm-0123456789-secret"
GATEWAY_KEY = "pgq_" + "aB3x" * 12
KEY_ID = "key_01000000000000000000000001"
DAY = date(2026, 11, 23)
POLICY = SpendPolicySettings.model_validate({"monthly_cap_usd": 5})

OPERATIONS = [
    lambda client: client.create_key(ApiKeyCreate(name="a", allowed_models=["m"]), "token"),
    lambda client: client.get_key(KEY_ID),
    lambda client: client.consumers(KEY_ID),
    lambda client: list(client.list_keys()),
    lambda client: client.snapshot(managed_by="a/b/c"),
    lambda client: client.update_key(KEY_ID, ApiKeyUpdate(disabled=True)),
    lambda client: client.delete_key(KEY_ID),
    lambda client: client.list_teams(),
    lambda client: client.get_team("a"),
    lambda client: client.put_team("a", TeamSettings(allowed_models=["m"])),
    lambda client: client.delete_team("a"),
    lambda client: client.get_spend_policy(),
    lambda client: client.put_spend_policy(POLICY),
    lambda client: client.delete_spend_policy(),
    lambda client: client.usage(),
    lambda client: list(client.usage_buckets(since=DAY, until=DAY, group_by=("day",))),
    lambda client: list(client.denials(since=DAY, until=DAY)),
    lambda client: client.changes(20),
    lambda client: client.models(),
]

KEY = {
    "object": "api_key",
    "id": KEY_ID,
    "name": "a",
    "allowed_models": ["m"],
    "managed_by": None,
    "declared_as": None,
    "replaces": None,
    "lineage_id": KEY_ID,
    "generation": 1,
    "status": "active",
    "effective_limits": dict.fromkeys(
        ["requests_per_minute", "tokens_per_minute", "requests_per_day", "tokens_per_day"]
    ),
    "last_four": "wxyz",
    "created_at": "2026-11-23T12:00:00Z",
    "updated_at": "2026-11-23T12:00:00Z",
    "last_used_at": None,
    "api_key": GATEWAY_KEY,
}
PAGE = {
    "object": "list",
    "as_of": "2026-11-23T12:00:00Z",
    "data": [KEY],
    "first_id": KEY_ID,
    "last_id": KEY_ID,
    "has_more": True,
}

secrets = st.sampled_from([ADMIN_KEY, GATEWAY_KEY])
texts = st.one_of(st.text(max_size=20), secrets, st.tuples(st.text(max_size=5), secrets).map("".join))
numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, 1e308, -0.0, 1e-300]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


def spoiled(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """`body` with some of its fields replaced by anything."""
    return st.dictionaries(st.sampled_from(sorted(body)), values, max_size=3).map(lambda bad: body | bad)


envelopes = st.fixed_dictionaries({"error": st.one_of(values, st.fixed_dictionaries({}, optional={
    "message": texts, "type": texts, "code": st.one_of(st.none(), texts, st.just("api_key_not_found")),
    "param": st.one_of(st.none(), texts),
}))})  # fmt: skip
documents = st.one_of(
    values, envelopes, spoiled(KEY), spoiled(PAGE), spoiled(KEY).map(lambda key: PAGE | {"data": [key]})
)
bodies = st.one_of(
    st.binary(max_size=100),
    documents.map(lambda document: json.dumps(document).encode()),
    st.tuples(documents, st.integers(0, 80)).map(lambda cut: json.dumps(cut[0]).encode()[: cut[1]]),
)
header_names = st.sampled_from(
    [
        "content-encoding",
        "content-type",
        "date",
        "idempotent-replayed",
        "location",
        "retry-after",
        "retry-after-ms",
        "set-cookie",
        "x-api-key-id",
        "x-request-id",
    ]
)
header_values = st.one_of(
    st.binary(max_size=30),
    secrets.map(str.encode),
    st.sampled_from(
        [b"gzip", b"deflate", b"br", b"true", b"0", b"5", b"1e5", b"http://[", b"//x", b"text/html"]
    ),
)
statuses = st.one_of(
    st.integers(100, 999), st.sampled_from([200, 201, 204, 301, 307, 400, 401, 404, 409, 429, 500, 503])
)


@settings(max_examples=600, deadline=None)
@given(
    operate=st.sampled_from(OPERATIONS),
    status=statuses,
    headers=st.lists(st.tuples(header_names, header_values), max_size=4),
    body=bodies,
)
def test_any_answer_is_a_result_or_a_groq_error(
    operate: Any, status: int, headers: list[tuple[str, bytes]], body: bytes
) -> None:
    """No answer breaks the client, and none gets a key into an error's text or fields."""
    now = [0.0]

    def handle(request: httpx.Request) -> httpx.Response:
        wire = [(name.encode(), value) for name, value in headers]
        return httpx.Response(status, headers=wire, stream=httpx.ByteStream(body))

    def sleep(duration_s: float) -> None:
        now[0] += duration_s

    seams: dict[str, Any] = {"clock": lambda: now[0], "sleep": sleep, "random": lambda: 1.0}
    with AdminClient(
        AdminSettings("http://127.0.0.1:8700", ADMIN_KEY), transport=httpx.MockTransport(handle), **seams
    ) as client:
        try:
            operate(client)
        except GroqError as error:
            failure: GroqError | None = error
        else:
            failure = None
    shown = f"{failure} {vars(failure)}" if failure else ""
    assert ADMIN_KEY not in shown
    assert GATEWAY_KEY not in shown
    assert "\n" not in str(failure)
    assert len(str(failure)) < 1500
    assert now[0] <= 120
