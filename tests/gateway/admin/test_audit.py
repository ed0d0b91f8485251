"""The record of changes: who did what, from what to what, and whether it is whole."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from admin_plane import ADMIN_KEY, Api, error_of
from pulumi_groq.gateway.admin.refused_attempts import MOST_IN_WINDOW
from pulumi_groq.gateway.admin.retention import Retention
from pulumi_groq.gateway.store.change_log import changes
from pulumi_groq.models.change_chain import BEGINNING, Anchor, Verdict, hash_of, verify
from pulumi_groq.models.history import Change

WEBHOOK = "https://hooks.example.com/T0/secret-token"
SIGNING = "a-signing-secret-of-the-tests"


def recorded(api: Api, **query: Any) -> list[Change]:
    """The matching changes, oldest first."""
    page = api.get("/changes", limit=100, **query).json()
    return [Change.model_validate_json(json.dumps(each)) for each in reversed(page["data"])]


def judged(api: Api, anchor: Anchor | None = None) -> Verdict:
    return verify(recorded(api), anchor)


@pytest.fixture
def busy(api: Api) -> Api:
    """A plane on which five things were changed."""
    api.call("PUT", "/teams/ops", json={"allowed_models": ["llama-3.1-8b-instant"]})
    key = api.created(team="ops", monthly_budget_usd=2.5)
    api.by("team-admin:ops").patch(key["id"], monthly_budget_usd=5, metadata={"a": "b"})
    api.call("PUT", "/spend-policy", json={"monthly_cap_usd": 10, "alert_webhook_urls": [WEBHOOK]})
    api.delete(f"/api-keys/{key['id']}")
    return api


def test_a_change_says_who_did_what(busy: Api) -> None:
    """Actor, role, address and request; from what to what."""
    change = recorded(busy)[2]
    assert (change.actor, change.role, change.address) == ("team-admin:ops", "team-admin", "127.0.0.1")
    assert change.request_id.startswith("req_01")
    assert (change.fields, change.before, change.after) == (
        ["monthly_budget_usd", "metadata"],
        {"monthly_budget_usd": 2.5, "metadata": {}},
        {"monthly_budget_usd": 5, "metadata": {"a": "b"}},
    )
    assert {each.actor for each in recorded(busy)} == {"root", "team-admin:ops"}


def test_a_new_and_a_deleted_object_are_recorded_whole(busy: Api) -> None:
    """What was set of it."""
    created, deleted = recorded(busy)[1], recorded(busy)[4]
    assert (created.before, created.after["team"], deleted.after) == ({}, "ops", {})
    assert deleted.before["monthly_budget_usd"] == 5


def test_no_secret_is_recorded(api: Api) -> None:
    """Neither a key's value nor its digest, a webhook's address nor what signs alerts: a change is named."""
    policy = {"monthly_cap_usd": 10, "alert_webhook_urls": [WEBHOOK], "alert_webhook_signing_secret": SIGNING}
    values = [api.created()["api_key"]]
    values.append(api.call("POST", "/admin-keys", json={"name": "a", "role": "viewer"}).json()["admin_key"])
    api.call("PUT", "/spend-policy", json=policy)
    api.call("PUT", "/spend-policy", json=policy | {"alert_webhook_urls": [f"{WEBHOOK}2"]})
    api.delete("/spend-policy")
    with api.store.read() as connection:
        stored = str(connection.execute(changes.select()).all())
    shown = api.get("/changes").text + stored
    secrets = [*values, WEBHOOK, SIGNING, ADMIN_KEY, "key_hash", "fingerprint"]
    assert [secret for secret in secrets if secret in shown] == []
    (changed,) = recorded(api, action="updated")
    assert (changed.fields, changed.before, changed.after) == (["alert_webhook_urls"], {}, {})


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"actor": "team-admin:ops"}, None),
        ({"actor": "root"}, 4),
        ({"kind": "api_key"}, 3),
        ({"object_id": "ops"}, 1),
        ({"action": "deleted"}, 1),
        ({"kind": "team", "action": "deleted"}, 0),
        ({"since": "2000-01-01", "until": "2000-01-02"}, 0),
        ({"since": "2000-01-01", "until": "2100-01-01"}, 5),
        ({"since": "0001-01-01", "until": "9999-12-31"}, 5),
    ],
)
def test_changes_are_filtered(busy: Api, query: dict[str, str], count: int | None) -> None:
    """By actor, object, kind, action and days; a text that no actor has is at fault."""
    answer = busy.get("/changes", **query)
    found = len(answer.json()["data"]) if answer.status_code == 200 else None
    assert found == count


def test_the_days_of_a_filter_are_in_order(api: Api) -> None:
    """Else the answer would be empty without a word."""
    answer = api.get("/changes", since="2026-01-02", until="2026-01-01")
    assert error_of(answer) == (400, None, "since")


def test_a_whole_chain_is_found_whole(busy: Api) -> None:
    """From the beginning; through a restart, it goes on."""
    verdict = judged(busy)
    assert (verdict.entries, verdict.cut, verdict.problems) == (5, False, ())
    assert recorded(busy)[0].previous_hash == BEGINNING


def test_the_chain_goes_on_after_a_restart(make_api: Callable[..., Api]) -> None:
    """The next process chains to the last entry."""
    first = make_api()
    first.created(name="a")
    first.stop()
    second = make_api()
    second.created(name="b")
    assert judged(second).problems == ()


def _tamper(api: Api) -> Iterator[tuple[str, Any]]:
    whole = recorded(api)
    yield "altered", update(changes).where(changes.c.id == whole[2].id).values(actor="adm_other")
    yield "altered", update(changes).where(changes.c.id == whole[1].id).values(after={"team": "research"})
    yield "removed", delete(changes).where(changes.c.id == whole[2].id)
    anew = whole[2].model_copy(update={"actor": "adm_other"})
    values = {"actor": "adm_other", "hash": hash_of(anew)}
    yield "rehashed", update(changes).where(changes.c.id == whole[2].id).values(values)


@pytest.mark.parametrize("number", range(4))
def test_what_was_tampered_with_shows(busy: Api, number: int) -> None:
    """An altered entry, a removed one, and one whose hash was made anew."""
    _, statement = list(_tamper(busy))[number]
    with busy.store.write() as connection:
        connection.execute(statement)
    assert judged(busy).problems != ()


def test_a_removed_end_shows_by_the_anchor(busy: Api) -> None:
    """The chain alone cannot know what followed it."""
    anchor = judged(busy).newest
    assert anchor is not None
    with busy.store.write() as connection:
        connection.execute(delete(changes).where(changes.c.id == anchor.id))
    assert judged(busy).problems == ()
    assert "the last changes were removed" in judged(busy, anchor).problems[0]


def test_a_chain_made_anew_shows_by_the_anchor(busy: Api) -> None:
    """The change of the anchor has another hash then."""
    newest = judged(busy).newest
    assert newest is not None
    assert judged(busy, newest).problems == ()
    assert "written anew" in judged(busy, Anchor(newest.id, "0" * 64)).problems[0]


def test_old_changes_are_dropped(busy: Api) -> None:
    """After their time; the newest stays, the chain is whole and says that it was cut."""
    early = judged(busy).newest
    busy.clock.advance(days=366)
    busy.created(name="late")
    Retention(busy.store, busy.clock, timedelta(days=365))()
    verdict = judged(busy, early)
    assert (verdict.entries, verdict.cut, verdict.problems) == (1, True, ())
    busy.clock.advance(days=366)
    Retention(busy.store, busy.clock, timedelta(days=365))()
    busy.created(name="later")
    assert (judged(busy).entries, judged(busy).problems) == (2, ())


def test_refusals_are_counted(api: Api) -> None:
    """By reason, for the metric."""
    api.by("nobody").get("/api-keys")
    api.by("viewer").create()
    api.get("/api-keys")
    assert api.refused == ["invalid_api_key", "insufficient_role"]


def test_a_credential_that_is_refused_too_often_waits(api: Api) -> None:
    """A minute, with every request; others do not."""
    viewer = api.by("viewer")
    statuses = [viewer.create().status_code for _ in range(MOST_IN_WINDOW + 1)]
    assert statuses == [403] * MOST_IN_WINDOW + [429]
    refused = viewer.get("/api-keys")
    assert (error_of(refused)[1], refused.headers["retry-after"]) == ("too_many_refusals", "61")
    assert api.by("auditor").get("/changes").status_code == 200
    api.clock.advance(minutes=1)
    assert viewer.get("/api-keys").status_code == 200


def test_an_address_waits_with_what_is_no_credential(api: Api) -> None:
    """Whoever has one is served from there meanwhile: all callers behind a proxy share its address."""
    nobody = api.by("nobody")
    statuses = [nobody.get("/api-keys").status_code for _ in range(MOST_IN_WINDOW + 1)]
    assert statuses == [401] * MOST_IN_WINDOW + [429]
    assert api.get("/api-keys").status_code == 200
