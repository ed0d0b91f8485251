"""GET /openai/v1/usage/buckets, /usage/denials and /changes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from admin_plane import Api, error_of
from pulumi_groq.gateway.metering.journal import Admission, LedgerRow, Settlement
from pulumi_groq.gateway.store import change_log
from pulumi_groq.gateway.store.ledger import DeniedRequests, add_denials, insert_rows

SMALL, LARGE = "llama-3.1-8b-instant", "llama-3.3-70b-versatile"


def row(number: int, key: Any, day: str, model: str = SMALL, **changes: Any) -> LedgerRow:
    """One settled request of 10 + 5 tokens, 1,000 micro-dollars."""
    at_s = datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=UTC).timestamp() + number
    team = changes.get("team", key["team"])
    return LedgerRow(
        Admission(f"req_{number}", key["id"], key["lineage_id"], team, model, 5_000, at_s),
        Settlement(f"req_{number}", "settled", 200, 10, 4, 5, changes.get("cost", 1_000), at_s + 1),
    )


@pytest.fixture
def booked(api: Api) -> dict[str, Any]:
    """Two keys, one of them in a team and deleted meanwhile, with five requests on three days."""
    api.call("PUT", "/teams/web", json={"allowed_models": [SMALL, LARGE]})
    api.clock.advance(seconds=-1)
    web = api.created(name="web", team="web")
    api.clock.advance(seconds=1)  # ids are in the order of their time
    batch = api.created(name="batch")
    rows = [
        row(1, web, "2026-11-01"),
        row(2, web, "2026-11-01", LARGE),
        row(3, web, "2026-11-22", cost=500_000),
        row(4, batch, "2026-11-22"),
        row(5, batch, "2026-10-31"),
    ]
    with api.store.write() as connection:
        insert_rows(connection, [row.record() for row in rows])
    api.delete(f"/api-keys/{web['id']}")
    return {"web": web, "batch": batch}


def groups(answer: Any, *names: str) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200, answer.text
    return [tuple(bucket[name] for name in names) for bucket in answer.json()["data"]]


def test_without_a_question_the_month_so_far_is_summed(api: Api, booked: dict[str, Any]) -> None:
    """From the first of the running UTC month to today; what is not grouped by is null."""
    page = api.get("/usage/buckets").json()
    assert page == {
        "object": "list",
        "as_of": "2026-11-23T12:00:00Z",
        "since": "2026-11-01",
        "until": "2026-11-23",
        "data": [
            {
                "day": None,
                "key_id": None,
                "key_name": None,
                "lineage_id": None,
                "team": None,
                "model": None,
                "requests": 4,
                "prompt_tokens": 40,
                "cached_tokens": 16,
                "completion_tokens": 20,
                "cost_usd": 0.503,
            }
        ],
        "next": None,
    }


@pytest.mark.parametrize(
    ("group_by", "names", "expected"),
    [
        ("day", ["day", "requests"], [("2026-11-01", 2), ("2026-11-22", 2)]),
        ("model", ["model", "requests"], [(SMALL, 3), (LARGE, 1)]),
        ("team", ["team", "requests"], [(None, 1), ("web", 3)]),
        (
            "day,key",
            ["day", "key_name", "cost_usd"],
            [("2026-11-01", "web", 0.002), ("2026-11-22", "web", 0.5), ("2026-11-22", "batch", 0.001)],
        ),
    ],
)
def test_groups_are_sums_of_the_ledger_in_order(
    api: Api, booked: dict[str, Any], group_by: str, names: Any, expected: Any
) -> None:
    """A deleted key keeps its name; requests of keys without a team are a group of their own."""
    assert groups(api.get("/usage/buckets", group_by=group_by), *names) == expected


def test_a_key_bucket_says_whose_budget_it_counts_against(api: Api, booked: dict[str, Any]) -> None:
    """Id, team and lineage of the key."""
    web, batch = booked["web"], booked["batch"]
    assert groups(api.get("/usage/buckets", group_by="key"), "key_id", "team", "lineage_id") == [
        (web["id"], "web", web["lineage_id"]),
        (batch["id"], None, batch["lineage_id"]),
    ]


def test_both_ends_of_the_span_count(api: Api, booked: dict[str, Any]) -> None:
    """Days of other months can be asked for."""
    answer = api.get("/usage/buckets", since="2026-10-31", until="2026-11-01", group_by="day")
    assert groups(answer, "day") == [("2026-10-31",), ("2026-11-01",)]


def test_one_key_can_be_asked_for(api: Api, booked: dict[str, Any]) -> None:
    """So that its chart does not need everybody's days."""
    answer = api.get("/usage/buckets", key_id=booked["batch"]["id"], group_by="day")
    assert groups(answer, "day", "requests") == [("2026-11-22", 1)]


@pytest.mark.parametrize("group_by", ["day", "key", "team", "model", "day,team,model", "model,key,day,team"])
@pytest.mark.parametrize("limit", [1, 2])
def test_pages_join_to_the_whole(api: Api, booked: dict[str, Any], group_by: str, limit: Any) -> None:
    """Whatever the groups and the size of a page."""
    whole = api.get("/usage/buckets", group_by=group_by).json()["data"]
    joined: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = api.get("/usage/buckets", group_by=group_by, limit=limit, **after).json()
        assert len(page["data"]) <= limit
        joined += page["data"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert joined == whole


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"since": "2026-02-30"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"since": "20261101"}, "since"),
        ({"since": "2026-11-24"}, None),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "since"),
        ({"since": "2025-11-22", "until": "2026-11-23"}, "since"),
        ({"group_by": "day,day"}, "group_by"),
        ({"group_by": "reason"}, "group_by"),
        ({"after": "bm90IG15IGN1cnNvcg"}, "after"),
        ({"after": "WyJhIl0", "group_by": "day,key"}, "after"),
        ({"limit": 1001}, "limit"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_impossible_questions_are_refused(api: Api, query: Any, param: str | None) -> None:
    """400 names the parameter; a day that is still to come is merely empty."""
    answer = api.get("/usage/buckets", **query)
    expected = (200, None, None) if param is None else (400, None, param)
    assert expected == (error_of(answer) if param else (answer.status_code, None, None))


def test_denials_are_counted_by_any_group(api: Api, booked: dict[str, Any]) -> None:
    """Also those whose model was refused before it was known to be the key's."""
    batch = booked["batch"]["id"]
    counts = {
        DeniedRequests("2026-11-01", batch, SMALL, "requests_per_minute"): 7,
        DeniedRequests("2026-11-22", batch, "", "model_not_available"): 2,
        DeniedRequests("2026-10-31", batch, SMALL, "cap"): 1,
    }
    with api.store.write() as connection:
        add_denials(connection, counts)
    by_day = api.get("/usage/denials", group_by="day,reason")
    assert groups(by_day, "day", "reason", "requests") == [
        ("2026-11-01", "requests_per_minute", 7),
        ("2026-11-22", "model_not_available", 2),
    ]
    assert groups(api.get("/usage/denials", group_by="key"), "key_name", "requests") == [("batch", 9)]
    assert groups(api.get("/usage/denials"), "requests") == [(9,)]


def test_changes_are_listed_newest_first_without_values(api: Api) -> None:
    """Who owns the key, what was done, to which fields."""
    api.call("PUT", "/teams/web", json={"allowed_models": [SMALL]})
    api.call("PUT", "/teams/web", json={"allowed_models": [SMALL, LARGE]})
    key = api.created(name="web", team="web", managed_by="acme/groq/dev")
    api.clock.advance(minutes=5)
    api.patch(key["id"], requests_per_minute=60, monthly_budget_usd=5)
    policy = {"monthly_cap_usd": 500, "alert_webhook_urls": ["https://hooks.example/s3cret"]}
    api.call("PUT", "/spend-policy", json=policy)
    api.call("PUT", "/spend-policy", json=policy | {"alert_webhook_urls": ["https://hooks.example/other"]})
    api.delete("/spend-policy")
    api.delete(f"/api-keys/{key['id']}")
    api.delete("/teams/web")
    answer = api.get("/changes")
    shown = [
        (change["kind"], change["name"], change["action"], change["fields"], change["managed_by"])
        for change in answer.json()["data"]
    ]
    assert shown == [
        ("team", "web", "deleted", [], None),
        ("api_key", "web", "deleted", [], "acme/groq/dev"),
        ("spend_policy", "spending policy", "deleted", [], None),
        ("spend_policy", "spending policy", "updated", ["alert_webhook_urls"], None),
        ("spend_policy", "spending policy", "created", [], None),
        ("api_key", "web", "updated", ["requests_per_minute", "monthly_budget_usd"], "acme/groq/dev"),
        ("api_key", "web", "created", [], "acme/groq/dev"),
        ("team", "web", "updated", ["allowed_models"], None),
        ("team", "web", "created", [], None),
    ]
    assert "hooks.example" not in answer.text
    assert answer.json()["data"][5]["at"] == "2026-11-23T12:05:00Z"


def test_what_changes_nothing_is_no_change(api: Api) -> None:
    """Nor is what was refused."""
    key = api.created(requests_per_minute=60)
    api.patch(key["id"], requests_per_minute=60)
    api.patch(key["id"], requests_per_minute=0)
    api.delete("/api-keys/key_01none")
    assert [change["action"] for change in api.get("/changes").json()["data"]] == ["created"]


def test_changes_come_in_pages(api: Api) -> None:
    """`before` asks for older ones."""
    for name in ("a", "b", "c"):
        api.created(name=name)
    first = api.get("/changes", limit=2).json()
    second = api.get("/changes", limit=2, before=first["last_id"]).json()
    named = [[change["name"] for change in page["data"]] for page in (first, second)]
    assert (named, first["has_more"], second["has_more"]) == ([["c", "b"], ["a"]], True, False)


def test_the_log_of_changes_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten: a loop of updates cannot fill the disk."""
    monkeypatch.setattr(change_log, "MOST_CHANGES", 3)
    for name in "abcde":
        api.created(name=name)
    names = [change["name"] for change in api.get("/changes").json()["data"]]
    assert names == ["e", "d", "c"]
