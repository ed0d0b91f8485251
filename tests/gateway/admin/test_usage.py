"""GET /openai/v1/usage and the admin's GET /openai/v1/models."""

from datetime import timedelta

from admin_plane import Api
from pulumi_groq.catalogue import Catalogue


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
                "requests_today": 0,
                "tokens_today": 0,
                "estimated_cost_usd": 0,
                "last_used_at": None,
                "month_to_date": {"requests": 0, "tokens": 0, "cost_usd": 0},
                "runaway": None,
                "deleted": False,
            }
        ],
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
