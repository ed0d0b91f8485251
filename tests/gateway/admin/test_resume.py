"""A paused key over the admin API: shown, resumed, and logged."""

from datetime import timedelta

from admin_plane import Api
from pulumi_groq.gateway.store.ledger import LedgerRecord
from pulumi_groq.gateway.store.recent_spend import add_spend
from pulumi_groq.gateway.store.runaways import Runaway, read_runaways

PAUSED = {
    "since": "2026-11-23T12:00:00Z",
    "spent_usd": 2.5,
    "allowed_usd": 1,
    "resumes_at": "2026-11-23T13:00:00Z",
}


def pause(api: Api, lineage_id: str) -> None:
    now = api.clock.now()
    api.pauses.pause(
        Runaway(
            lineage_id,
            now,
            lineage_id,
            "chatbot-prod",
            None,
            "pause_key",
            2_500_000,
            1_000_000,
            None,
            now + timedelta(hours=1),
        )
    )


def test_a_paused_key_says_so(api: Api) -> None:
    """Its status, why, and until when; an expired or disabled key is that first."""
    key = api.created(runaway={"spend_usd_per_10_min": 1})
    assert (key["status"], key["paused"]) == ("active", None)
    pause(api, key["id"])
    shown = api.get(f"/api-keys/{key['id']}").json()
    assert (shown["status"], shown["paused"]) == ("paused", PAUSED)
    disabled = api.call("PATCH", f"/api-keys/{key['id']}", json={"disabled": True}).json()

    assert (disabled["status"], disabled["paused"]) == ("disabled", PAUSED)


def test_a_successor_is_paused_with_its_lineage(api: Api) -> None:
    """It is resumed by the id of either."""
    key = api.created()
    pause(api, key["id"])
    successor = api.created(replaces=key["id"])
    assert successor["status"] == "paused"
    assert api.call("DELETE", f"/api-keys/{successor['id']}/pause").json()["status"] == "active"

    assert api.get(f"/api-keys/{key['id']}").json()["status"] == "active"


def test_a_resumed_key_is_in_the_store_and_the_log(api: Api) -> None:
    """Who resumed it, and since when it was paused."""
    key = api.created()
    pause(api, key["id"])
    api.clock.advance(minutes=5)
    resumed = api.call("DELETE", f"/api-keys/{key['id']}/pause")

    assert (resumed.status_code, resumed.json()["status"], resumed.json()["paused"]) == (200, "active", None)
    with api.store.read() as connection:
        assert [each.ended_at for each in read_runaways(connection, api.clock.now() - timedelta(days=1))] == [
            api.clock.now()
        ]
    change = api.get("/changes").json()["data"][0]
    assert (change["action"], change["object_id"], change["actor"]) == ("resumed", key["id"], "root")
    assert change["before"] == {"paused_since": "2026-11-23T12:00:00Z"}


def test_a_key_that_is_not_paused_stays_as_it_is(api: Api) -> None:
    """To resume twice is to resume once; nothing is logged."""
    key = api.created()
    answer = api.call("DELETE", f"/api-keys/{key['id']}/pause")

    assert (answer.status_code, answer.json()["status"]) == (200, "active")
    assert [each["action"] for each in api.get("/changes").json()["data"]] == ["created"]
    assert api.call("DELETE", "/api-keys/key_01none/pause").status_code == 404


def test_usage_shows_what_the_guard_watches(api: Api) -> None:
    """For guarded keys only."""
    api.created(name="free")
    guarded = api.created(name="guarded", runaway={"times_usual": 10})
    api.pauses.spent_micro_usd = 250_000
    at_us = [round((api.clock.now() - timedelta(days=days)).timestamp() * 1e6) for days in range(1, 8)]
    rows = [
        LedgerRecord(f"r{at}", "k", guarded["id"], None, "m", "settled", 200, 0, 0, 0, 20_000, at, at)
        for at in at_us
    ]
    with api.store.write() as connection:
        add_spend(connection, rows)
    pause(api, guarded["id"])
    shown = {row["key_name"]: row["runaway"] for row in api.get("/usage").json()["usage_by_key"]}

    assert shown["free"] is None
    assert shown["guarded"] == {
        "spent_usd": 0.25,
        "usual_usd": 0.02,
        "last_runaway_at": "2026-11-23T12:00:00Z",
        "paused": PAUSED,
    }
