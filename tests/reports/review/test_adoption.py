"""What a run takes over is told as that, beside what holds of it now, and not as something new."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review.comment import review_markdown
from pulumi_groq.reports.review.formats import review_json
from pulumi_groq.reports.review.report import Review, review
from report_facts import (
    CATALOGUE,
    KEY_ID,
    NOON,
    OWNER,
    key_step,
    live,
    live_admin_key,
    live_identity,
    live_key,
    live_policy,
    policy_step,
    preview,
    step,
    taker,
    team,
    usage_row,
)

ADMIN_ID = live_admin_key().id
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": ""}
KEY = key_step("create", None, {"adopt_key_id": KEY_ID, "requests_per_minute": 5})
ADMIN_KEY = step(
    "create", "GroqAdminKey", "preview", new={"name": "preview", "role": "owner", "adopt_key_id": ADMIN_ID}
)
TEAM = step(
    "create",
    "GroqTeam",
    "research",
    new={"team_name": "research", "allowed_models": [], "adopt_existing": True},
)
POLICY = policy_step("create", None, {"adopt_existing": True, "alert_webhook_urls": SECRET})
IDENTITY = step(
    "create",
    "GroqWorkloadIdentity",
    "deploy",
    new={"identity_name": "deploy", "issuer": "https://i.example.com", "adopt_existing": True},
)
POSTED = "https://chat.example.com/hook/s3cret"
EXISTING = live(
    live_key(last_used_at="2026-11-23T11:58:00Z", requests_per_minute=7),
    usage=[usage_row()],
    policy=live_policy(alert_webhook_urls=[POSTED], monthly_cap_usd=400),
    teams=[team("research", "openai/gpt-oss-20b")],
    admin_keys=[live_admin_key()],
    identities=[live_identity()],
)
EACH = pytest.mark.parametrize(
    "made", [KEY, ADMIN_KEY, TEAM, POLICY, IDENTITY], ids=["key", "admin", "team", "policy", "id"]
)


def reviewed(*steps: Mapping[str, Any], facts: Live | str = EXISTING) -> Review:
    return review(preview(*steps), catalogue=CATALOGUE, live=facts, now=NOON)


@EACH
def test_it_is_taken_over_and_not_created(made: dict[str, Any]) -> None:
    """In the headline, above its settings, and as a field for programs beside the engine's own operation."""
    told = review_markdown(reviewed(made))
    change = json.loads(review_json(reviewed(made)))["changes"][0]
    assert "## Groq access: 1 to take over\n" in told
    assert "#### Take over " in told
    assert (change["operation"], change["takes_over"]) == ("create", True)


@pytest.mark.parametrize("made", [TEAM, POLICY, IDENTITY], ids=["team", "policy", "id"])
def test_without_the_gateway_it_is_either(made: dict[str, Any]) -> None:
    """Whether it exists is the gateway's to tell."""
    alone = reviewed(made, facts="not asked")
    assert "## Groq access: 1 to create or take over\n" in review_markdown(alone)
    assert json.loads(review_json(alone))["changes"][0]["takes_over"] is None


@pytest.mark.parametrize("made", [TEAM, POLICY, IDENTITY], ids=["team", "policy", "id"])
def test_what_does_not_exist_is_created(made: dict[str, Any]) -> None:
    """Permission to take over takes nothing over where there is nothing."""
    assert "## Groq access: 1 to create\n" in review_markdown(reviewed(made, facts=live()))


def test_what_holds_now_stands_beside_what_is_declared() -> None:
    """The reviewer sees what the run changes of a key that others use, and that they do."""
    told = review_markdown(reviewed(KEY))
    assert "| requests per minute | 7 requests/min | 5 requests/min |" in told
    assert "last used 2026-11-23 11:58 UTC" in told
    assert "| requests per minute | not known | 5 requests/min |" in review_markdown(
        reviewed(KEY, facts="not asked")
    )


def test_no_value_goes_anywhere() -> None:
    """Nobody knows the value of a key that is taken over, so nobody who takes it gets one."""
    change = json.loads(review_json(reviewed(KEY, taker("vault"))))["changes"][0]
    assert change["new_value_goes_to"] == []
    assert "`vault` gets none" in review_markdown(reviewed(KEY, taker("vault"))).replace(
        "<code>", "`"
    ).replace("</code>", "`")


def test_where_alerts_go_stays_a_secret() -> None:
    """The gateway tells an owner where alerts go; a review is read by more people."""
    assert POSTED not in review_json(reviewed(POLICY))


def test_an_admin_key_of_another_stack_is_found_as_an_api_key_is() -> None:
    """Both stacks declare it from then on, and each would undo the other's rights."""
    new = {"name": "preview", "role": "viewer", "adopt_key_id": ADMIN_ID, "managed_by": OWNER}
    there = live(admin_keys=[live_admin_key(managed_by="organization/infra/prod")])
    found = reviewed(step("create", "GroqAdminKey", "preview", new=new), facts=there).findings
    assert [each.rule for each in found] == ["key-taken-over"]
