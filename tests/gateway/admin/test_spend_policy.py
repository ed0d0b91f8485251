"""/openai/v1/spend-policy: the organisation's one spending policy."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from httpx import Response

from admin_plane import Api, error_of
from pulumi_groq.models.spend_policy import AlertSent
from pulumi_groq.policy.access import OrganisationPolicy

POLICY = {"monthly_cap_usd": 500, "alert_thresholds_usd": [100, 250, 400], "auto_pause": True}


def put(api: Api, **fields: Any) -> Response:
    return api.call("PUT", "/spend-policy", json=POLICY | fields)


def test_a_policy_is_set_and_shown_with_its_status(api: Api) -> None:
    """The answer to PUT is what GET shows."""
    answer = put(api)
    expected = {
        "object": "spend_policy",
        "monthly_cap_usd": 500,
        "budgets": [],
        "alert_thresholds_usd": [100, 250, 400],
        "auto_pause": True,
        "alert_webhook_urls": [],
        "alert_webhooks_digest": None,
        "alert_webhook_signed": False,
        "managed_by": None,
        "declared_as": None,
        "claim": None,
        "created_at": "2026-11-23T12:00:00Z",
        "updated_at": "2026-11-23T12:00:00Z",
        "status": {
            "month": "2026-11",
            "spent_usd": 0,
            "remaining_usd": 500,
            "paused": False,
            "alerts_sent": [],
        },
    }
    assert (answer.status_code, answer.json()) == (200, expected)
    assert api.get("/spend-policy").json() == expected


def test_put_replaces_the_whole_policy(api: Api) -> None:
    """What the second body leaves out is at its default again; created_at stays."""
    put(api, alert_webhook_urls=["https://example.com/hook"], auto_pause=False)
    api.clock.advance(hours=1)
    second = api.call("PUT", "/spend-policy", json={"monthly_cap_usd": 0.5}).json()
    shown = {name: second[name] for name in (*POLICY, "alert_webhook_urls", "created_at", "updated_at")}
    assert shown == {
        "monthly_cap_usd": 0.5,
        "alert_thresholds_usd": [],
        "auto_pause": True,
        "alert_webhook_urls": [],
        "created_at": "2026-11-23T12:00:00Z",
        "updated_at": "2026-11-23T13:00:00Z",
    }


def test_the_same_policy_again_is_no_change(api: Api) -> None:
    """updated_at stays."""
    put(api)
    api.clock.advance(hours=1)
    assert put(api).json()["updated_at"] == "2026-11-23T12:00:00Z"


def test_the_signing_secret_is_never_shown(api: Api) -> None:
    """Only that there is one."""
    secret = "0123456789abcdef-signing"
    answer = put(api, alert_webhook_signing_secret=secret)
    assert answer.json()["alert_webhook_signed"] is True
    assert [secret in each.text for each in (answer, api.get("/spend-policy"))] == [False, False]


def test_a_policy_is_in_force_at_once(api: Api) -> None:
    """In micro-dollars, for whoever decides."""
    put(api, monthly_cap_usd=0.000007, alert_thresholds_usd=[0.000001])
    assert api.directory.organisation == OrganisationPolicy(7, (1,), auto_pause=True)


@pytest.mark.parametrize(
    ("spent_micro_usd", "auto_pause", "spent", "remaining", "paused"),
    [
        (499_999_999, True, 499.999999, 0.000001, False),
        (500_000_000, True, 500, 0, True),
        (500_250_000, True, 500.25, -0.25, True),
        (500_250_000, False, 500.25, -0.25, False),
    ],
)
def test_the_status_says_where_the_month_stands(
    api: Api, spent_micro_usd: int, auto_pause: bool, spent: Any, remaining: Any, paused: bool
) -> None:
    """Paused at the cap, when auto-pause is on."""
    api.usage.spent_micro_usd = spent_micro_usd
    status = put(api, auto_pause=auto_pause).json()["status"]
    assert (status["spent_usd"], status["remaining_usd"], status["paused"]) == (spent, remaining, paused)


@pytest.mark.parametrize(("auto_pause", "paused"), [(True, True), (False, False)])
def test_a_cap_that_refuses_is_a_pause(api: Api, auto_pause: bool, paused: bool) -> None:
    """Worst cases are reserved, so requests are refused while spend is a little below the cap."""
    api.usage.spent_micro_usd = 499_990_000
    api.usage.cap_refuses = True
    assert put(api, auto_pause=auto_pause).json()["status"]["paused"] is paused


def test_raising_the_cap_ends_the_pause(api: Api) -> None:
    """In the answer already."""
    api.usage.spent_micro_usd = 500_000_000
    put(api)
    assert put(api, monthly_cap_usd=501).json()["status"]["paused"] is False


def test_the_alerts_of_the_month_are_listed(api: Api) -> None:
    """As the ledger knows them."""
    sent_at = datetime(2026, 11, 20, 8, tzinfo=UTC)
    api.usage.alerts = [AlertSent(threshold_usd=Decimal(100), sent_at=sent_at)]
    assert put(api).json()["status"]["alerts_sent"] == [
        {"threshold_usd": 100, "sent_at": "2026-11-20T08:00:00Z"}
    ]


def test_a_deleted_policy_is_gone(api: Api) -> None:
    """No cap, no alerts; and then it is 404."""
    put(api)
    assert api.delete("/spend-policy").json() == {
        "object": "spend_policy.deleted",
        "id": "spend_policy",
        "deleted": True,
        "managed_by": None,
        "declared_as": None,
    }
    assert api.directory.organisation is None
    answers = [api.get("/spend-policy"), api.delete("/spend-policy")]
    assert [error_of(answer) for answer in answers] == [(404, "spend_policy_not_found", None)] * 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"monthly_cap_usd": 0}, "monthly_cap_usd"),
        ({"monthly_cap_usd": None}, "monthly_cap_usd"),
        ({"alert_thresholds_usd": [100, 100]}, "alert_thresholds_usd"),
        ({"alert_thresholds_usd": [501]}, "alert_thresholds_usd"),
        ({"alert_thresholds_usd": [0]}, "alert_thresholds_usd.0"),
        ({"auto_pause": "yes"}, "auto_pause"),
        ({"alert_webhook_urls": ["http://example.com"]}, "alert_webhook_urls.0"),
        ({"alert_webhook_signing_secret": "short"}, "alert_webhook_signing_secret"),
        ({"status": {}}, "status"),
    ],
)
def test_a_bad_policy_is_refused(api: Api, fields: dict[str, Any], param: str | None) -> None:
    """The 400 names the field, and the policy that was there stays."""
    put(api)
    assert error_of(put(api, **fields)) == (400, None, param)
    assert api.get("/spend-policy").json()["monthly_cap_usd"] == 500


def test_a_refused_secret_is_not_quoted(api: Api) -> None:
    """The error shows neither a webhook's URL nor a signing secret."""
    answer = put(api, alert_webhook_urls=["http://h/T0KEN"], alert_webhook_signing_secret="sEcReT")
    assert ["T0KEN" in answer.text, "sEcReT" in answer.text] == [False, False]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/T0K3N",
        "https://169.254.169.254/T0K3N",
        "https://[::1]/T0K3N",
        "https://0x7f.1/T0K3N",
    ],
)
def test_a_webhook_to_a_private_address_is_refused(api: Api, url: str) -> None:
    """By its position, without the URL; nothing is stored."""
    answer = put(api, alert_webhook_urls=["https://example.com/hook", url])
    assert error_of(answer) == (400, None, "alert_webhook_urls[1]")
    assert "T0K3N" not in answer.text
    assert api.get("/spend-policy").status_code == 404


def test_a_webhook_that_the_operator_lists_is_taken(api: Api) -> None:
    """`--webhook-hosts` of this gateway names 10.9.0.0/16."""
    assert put(api, alert_webhook_urls=["https://10.9.1.2/hook"]).status_code == 200


@pytest.mark.parametrize(("role", "sees"), [("owner", True), ("billing", True), ("viewer", False)])
def test_where_alerts_go_is_shown_to_who_may_set_it(api: Api, role: str, sees: bool) -> None:
    """Everybody else is told by a digest whether it changes: some chat services' URLs are secrets."""
    urls = ["https://hooks.example.com/T0K3N"]
    put(api, alert_webhook_urls=urls)
    answer = api.by(role).get("/spend-policy")
    assert (answer.json()["alert_webhook_urls"], "T0K3N" in answer.text) == (urls if sees else None, sees)
    digest = answer.json()["alert_webhooks_digest"]
    assert digest == api.get("/spend-policy").json()["alert_webhooks_digest"]
    put(api, alert_webhook_urls=[*urls, "https://hooks.example.com/other"])
    assert api.by(role).get("/spend-policy").json()["alert_webhooks_digest"] not in {digest, None}
