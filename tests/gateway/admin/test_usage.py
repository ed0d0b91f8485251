"""GET /openai/v1/usage and the admin's GET /openai/v1/models."""

from datetime import timedelta
from typing import Any

from admin_plane import Api
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.store.ledger import LedgerRecord, insert_rows

MODEL, OTHER = "llama-3.1-8b-instant", "openai/gpt-oss-20b"


def test_every_key_has_a_row(api: Api) -> None:
    """Also one that was never used."""
    key = api.created()
    assert api.get("/usage").json() == {
        "object": "usage",
        "as_of": "2026-11-23T12:00:00Z",
        "month": "2026-11",
        "usage_by_key": [
            {
                "key_id": key["id"],
                "key_name": "chatbot-prod",
                "team": None,
                "identity": None,
                "requests_today": 0,
                "tokens_today": 0,
                "estimated_cost_usd": 0,
                "last_used_at": None,
                "month_to_date": {"requests": 0, "tokens": 0, "cost_usd": 0},
                "runaway": None,
                "budgets": [],
                "deleted": False,
            }
        ],
        "usage_by_team": [],
        "budgets": [],
        "month_to_date": {"requests": 0, "tokens": 0, "cost_usd": 0},
    }


def test_a_row_shows_what_the_ledger_knows(api: Api) -> None:
    """Today's numbers, the last use and the month."""
    key = api.created()
    used_at = api.clock.now() - timedelta(minutes=5)
    api.usage.book(key["id"], requests=3, tokens=900, cost_micro_usd=1_250_001, at=used_at)
    (row,) = api.get("/usage").json()["usage_by_key"]
    assert (row["requests_today"], row["tokens_today"], row["estimated_cost_usd"], row["last_used_at"]) == (
        3,
        900,
        1.250001,
        "2026-11-23T11:55:00Z",
    )


def test_deleted_keys_stay_in_the_month_and_the_sums_agree(api: Api) -> None:
    """A deleted key with traffic is marked; one without has no row."""
    kept, used, unused = (api.created(name=name) for name in ("kept", "used", "unused"))
    for key, requests in ((kept, 2), (used, 5)):
        api.usage.book(key["id"], requests=requests, tokens=10, cost_micro_usd=100, at=api.clock.now())
    for key in (used, unused):
        api.delete(f"/api-keys/{key['id']}")
    usage = api.get("/usage").json()
    rows = [(row["key_name"], row["deleted"]) for row in usage["usage_by_key"]]
    assert rows == [("kept", False), ("used", True)]
    assert usage["month_to_date"] == {"requests": 7, "tokens": 20, "cost_usd": 0.0002}
    assert sum(row["month_to_date"]["requests"] for row in usage["usage_by_key"]) == 7


def book(api: Api, key: Any, before: timedelta, cost_micro_usd: int, model: str = MODEL) -> None:
    """A request of the key that is in the store."""
    us = round((api.clock.now() - before).timestamp() * 1_000_000)
    with api.store.write() as connection:
        row = LedgerRecord(
            f"req_{us}_{key['id']}", key["id"], key["lineage_id"], key["team"], model, "settled", 200, 1, 0,
            1, cost_micro_usd, us, us,
        )  # fmt: skip
        insert_rows(connection, [row])


def test_budgets_show_what_is_spent_and_left_of_each_window(api: Api) -> None:
    """Of the key's lineage, its models and its team; at noon of a Monday."""
    api.call(
        "PUT", "/teams/ops", json={"allowed_models": [MODEL, OTHER], "budgets": [{"usd": 8, "per": "day"}]}
    )
    key = api.created(
        team="ops",
        allowed_models=[MODEL, OTHER],
        budgets=[{"usd": 1, "per": "hour"}, {"usd": 5, "per": "week"}],
        monthly_budget_usd=20,
        model_limits={OTHER: {"budget_usd": 2}},
    )
    successor = api.created(replaces=key["id"], team="ops", budgets=[{"usd": 3, "per": "day"}])
    for before, cost in ((timedelta(), 1_500_000), (timedelta(hours=2), 20), (timedelta(days=1), 300)):
        book(api, key, before, cost)
    book(api, successor, timedelta(hours=3), 4_000, OTHER)
    usage = api.get("/usage").json()
    first, second = usage["usage_by_key"]
    assert [
        (each["per"], each["model"], each["spent_usd"], each["remaining_usd"]) for each in first["budgets"]
    ] == [
        ("hour", None, 1.5, -0.5),
        ("week", None, 1.50402, 3.49598),
        ("month", None, 1.50432, 18.49568),
        ("month", OTHER, 0.004, 1.996),
    ]
    assert [each["resets_at"] for each in first["budgets"]] == [
        "2026-11-23T13:00:00Z",
        "2026-11-30T00:00:00Z",
        "2026-12-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
    ]
    day = {"per": "day", "model": None, "spent_usd": 1.50402, "resets_at": "2026-11-24T00:00:00Z"}
    assert second["budgets"] == [day | {"budget_usd": 3, "remaining_usd": 1.49598}]
    of_team = [day | {"budget_usd": 8, "remaining_usd": 6.49598}]
    assert usage["usage_by_team"] == [{"team": "ops", "budgets": of_team}]


def test_the_organisations_budgets_are_for_who_may_see_its_spending(api: Api) -> None:
    """Its cap among them; those of other teams are for nobody of one."""
    policy = {
        "monthly_cap_usd": 50,
        "alert_thresholds_usd": [],
        "auto_pause": False,
        "budgets": [{"usd": 2, "per": "day"}],
    }
    assert api.call("PUT", "/spend-policy", json=policy).status_code == 200
    for team in ("ops", "research"):
        fields = {"allowed_models": [MODEL], "monthly_budget_usd": 8}
        api.call("PUT", f"/teams/{team}", json=fields)
    book(api, api.created(), timedelta(), 250_000)

    def seen(usage: Any) -> tuple[list[Any], list[str]]:
        budgets = [(each["per"], each["spent_usd"], each["remaining_usd"]) for each in usage["budgets"]]
        return budgets, [each["team"] for each in usage["usage_by_team"]]

    everything = ([("day", 0.25, 1.75), ("month", 0.25, 49.75)], ["ops", "research"])
    assert seen(api.get("/usage").json()) == everything
    assert seen(api.by("viewer").get("/usage").json()) == everything
    assert seen(api.by("viewer:ops").get("/usage").json()) == ([], ["ops"])


def test_the_admin_sees_every_priced_model(api: Api, catalogue: Catalogue) -> None:
    """In Groq's list shape, and nothing that a key could not be given."""
    answer = api.get("/models").json()
    listed = {model["id"] for model in answer["data"]}
    assert answer["object"] == "list"
    assert listed == {model.id for model in catalogue.models if catalogue.is_priced(model.id)}


def test_a_retired_model_is_not_active(api: Api) -> None:
    """From its date on."""
    models = {model["id"]: model["active"] for model in api.get("/models").json()["data"]}
    assert (models["gemma2-9b-it"], models["openai/gpt-oss-20b"]) == (False, True)
