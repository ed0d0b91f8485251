"""GET /openai/v1/api-keys and GET /openai/v1/api-keys/{id}."""

from typing import Any

import pytest
from httpx import Response

from admin_plane import Api, error_of


def names(answer: Response) -> list[str]:
    return [key["name"] for key in answer.json()["data"]]


def test_an_empty_list_is_one_empty_page(api: Api) -> None:
    """No keys: no ids, nothing more."""
    assert api.get("/api-keys").json() == {
        "object": "list",
        "as_of": "2026-11-23T12:00:00Z",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_keys_are_listed_oldest_first(api: Api) -> None:
    """In the order in which they were created, even when the clock went backwards."""
    for name in ("c", "a", "b"):
        api.created(name=name)
        api.clock.advance(hours=-1)
    assert names(api.get("/api-keys")) == ["c", "a", "b"]


def test_pages_follow_each_other(api: Api) -> None:
    """`after=last_id` gives the next page; the last one says that it is the last."""
    for index in range(5):
        api.created(name=f"key-{index}")
    first = api.get("/api-keys", limit=3)
    second = api.get("/api-keys", limit=3, after=first.json()["last_id"])
    assert (names(first), first.json()["has_more"]) == (["key-0", "key-1", "key-2"], True)
    assert (names(second), second.json()["has_more"]) == (["key-3", "key-4"], False)


def test_a_full_last_page_has_no_more(api: Api) -> None:
    """`has_more` is exact, so no empty page follows."""
    for _ in range(3):
        api.created()
    assert api.get("/api-keys", limit=3).json()["has_more"] is False


def test_a_page_holds_20_keys_unless_told(api: Api) -> None:
    """The default limit."""
    for _ in range(21):
        api.created()
    page = api.get("/api-keys").json()
    assert (len(page["data"]), page["has_more"]) == (20, True)


def test_a_cursor_outlives_its_key(api: Api) -> None:
    """Deleting the last key of a page loses and repeats nothing."""
    for index in range(3):
        api.created(name=f"key-{index}")
    cursor = api.get("/api-keys", limit=2).json()["last_id"]
    api.delete(f"/api-keys/{cursor}")
    assert names(api.get("/api-keys", after=cursor)) == ["key-2"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"name": "a"}, ["a"]),
        ({"managed_by": "o/p/dev"}, ["a", "b"]),
        ({"team": "research"}, ["b", "c"]),
        ({"managed_by": "o/p/dev", "team": "research"}, ["b"]),
        ({"name": "A"}, []),
        ({"name": "%"}, []),
    ],
)
def test_filters_are_exact_and_add_up(api: Api, query: Any, expected: Any) -> None:
    """Only keys that match every filter are listed."""
    api.call("PUT", "/teams/research", json={"allowed_models": ["llama-3.1-8b-instant"]})
    api.created(name="a", managed_by="o/p/dev")
    api.created(name="b", managed_by="o/p/dev", team="research")
    api.created(name="c", team="research")
    assert names(api.get("/api-keys", **query)) == expected


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("after=key_01unknown", "after"),
        ("after=", "after"),
        ("after=%00", "after"),
        ("name=", "name"),
        ("name=a%00b", "name"),
        ("name=a%0Ab", "name"),
        ("managedby=o", "managedby"),
        ("limit=5&limit=6", "limit"),
        ("name=%ff", None),
        ("name=%ed%a0%80", None),
    ],
)
def test_a_bad_query_is_refused(api: Api, query: Any, param: str | None) -> None:
    """A misspelt filter must not list everything."""
    assert error_of(api.call("GET", f"/api-keys?{query}")) == (400, None, param)


def test_one_key_is_shown_by_id(api: Api) -> None:
    """As the create answered it, without the value."""
    created = api.created()
    del created["api_key"]
    assert api.get(f"/api-keys/{created['id']}").json() == created


@pytest.mark.parametrize("key_id", ["key_01nothere", "%00", "..", "%F0%9F%94%91", "a%20b", "x" * 3000])
def test_an_unknown_id_is_404(api: Api, key_id: str) -> None:
    """Whatever it looks like: only 404 means gone."""
    assert error_of(api.get(f"/api-keys/{key_id}"))[:2] in {(404, "api_key_not_found"), (404, "unknown_url")}


def test_the_status_follows_the_clock(api: Api) -> None:
    """A key expires at its time, not a moment before."""
    key = api.created(expires_at="2026-11-23T13:00:00Z")
    statuses = []
    for step in ({"hours": 1, "microseconds": -1}, {"microseconds": 1}):
        api.clock.advance(**step)
        statuses.append(api.get(f"/api-keys/{key['id']}").json()["status"])
    assert statuses == ["active", "expired"]


def test_disabled_goes_before_expired(api: Api) -> None:
    """Somebody's decision tells more than the calendar."""
    key = api.created(expires_at="2026-11-23T13:00:00Z")
    api.patch(key["id"], disabled=True)
    api.clock.advance(hours=2)
    assert api.get(f"/api-keys/{key['id']}").json()["status"] == "disabled"


def test_the_last_use_comes_from_the_ledger(api: Api) -> None:
    """In a list and by id."""
    key = api.created()
    api.usage.book(key["id"], requests=1, tokens=9, cost_micro_usd=1, at=api.clock.now())
    shown = [api.get(f"/api-keys/{key['id']}").json(), api.get("/api-keys").json()["data"][0]]
    assert [each["last_used_at"] for each in shown] == ["2026-11-23T12:00:00Z"] * 2
