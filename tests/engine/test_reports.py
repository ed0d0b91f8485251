"""`pulumi-groq review` and `validate` on a real stack, with pulumi run by the commands themselves."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_engine import BOTH_PACKAGES
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

MODELS = ["openai/gpt-oss-120b", "openai/gpt-oss-20b"]
CHATBOT = {"allowed_models": MODELS, "requests_per_minute": 500}
POLICY = {"monthly_cap_usd": 500, "alert_thresholds_usd": [100, 250, 400]}


def command(stack: Any, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.prefix, "bin", "pulumi-groq")), *arguments, "--stack", stack.name],
        cwd=stack.folder,
        env={**stack.environment, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def differing(report: dict[str, Any]) -> list[str]:
    return [
        f"{check['subject']}: {check['detail']}"
        for check in report["checks"]
        if check["outcome"] == "mismatch"
    ]


def test_validation_of_a_real_stack(gateway: Any, stack: Any) -> None:
    """A fresh stack holds, calls with its keys included; then each kind of drift is found."""
    stack.declare(keys={"chatbot-prod": CHATBOT, "pilot": CHATBOT}, spend_policy=POLICY)
    stack.up()
    value = stack.output("api_keys")["chatbot-prod"]
    gateway.control("reset-counts")
    sound = command(stack, "validate", "--output", "json")
    assert (sound.returncode, sound.stderr) == (0, "")
    checks = json.loads(sound.stdout)["checks"]
    outcomes = {(check["subject"], check["check"]): check["outcome"] for check in checks}
    for key in ("chatbot-prod", "pilot"):
        for check in ("exists", "limits in force", "models it may call", "allowed model", "denied model"):
            assert outcomes[key, check] == "ok"
    assert outcomes["organisation", "as in the stack"] == "ok"
    assert value not in sound.stdout
    assert (
        gateway.requests()["POST /openai/v1/chat/completions"] == 6
    )  # an allowed model, a denied one, a tool

    expected = drift(gateway)
    drifted = command(stack, "validate", "--no-try", "--output", "json")
    assert drifted.returncode == 3
    assert sorted(differing(json.loads(drifted.stdout))) == sorted(expected)


def drift(gateway: Any) -> list[str]:
    """Change what is live behind the stack's back, and return what a validation must say."""
    with gateway.client() as client:
        live = {key.name: key for key in client.list_keys()}
        client.update_key(live["chatbot-prod"].id, ApiKeyUpdate(requests_per_minute=9))
        client.delete_key(live["pilot"].id)
        left = ApiKeyCreate(name="lost", allowed_models=MODELS, managed_by="organization/infra/dev")
        orphan = client.create_key(left, "orphan").key
        stray = client.create_key(ApiKeyCreate(name="stray", allowed_models=MODELS), "stray").key
        client.delete_spend_policy()
    return [
        "chatbot-prod: changed: requests per minute: declared 500 requests/min, live 9 requests/min",
        "chatbot-prod: requests per minute: declared 500 requests/min, in force 9 requests/min",
        f"pilot: missing: {live['pilot'].id} is not live",
        f"lost ({orphan.id}): orphaned: it names this stack as its owner, and the stack does not hold it",
        f"stray ({stray.id}): unmanaged: no stack manages it",
        "organisation: missing: no cap is in force",
    ]


def test_rotation_status_of_a_real_stack(gateway: Any, stack: Any) -> None:
    """The state of either adapter tells the generation, the predecessor, and what the next run does."""
    rotating = {**CHATBOT, "rotation": {"every_days": 30, "trigger": "1"}}
    stack.declare(keys={"chatbot-prod": rotating})
    stack.up()
    rotating["rotation"] = {"every_days": 30, "trigger": "2"}
    stack.declare(keys={"chatbot-prod": rotating})
    stack.up()
    gateway.control("clock", advance_s=31 * 24 * 3600)
    status = command(stack, "rotation", "status", "--output", "json")
    assert (status.returncode, status.stderr) == (3, "")
    (key,) = json.loads(status.stdout)["keys"]
    assert (key["name"], key["generation"]) == ("chatbot-prod", 2)
    assert key["previous"]["key_id"] != key["key_id"]
    assert any(each.startswith("rotate") for each in key["due"])


def test_review_of_a_real_stack(stack: Any) -> None:
    """The command previews by itself and goes on without the gateway; a validation cannot."""
    stack.declare(keys={"chatbot-prod": CHATBOT, "pilot": CHATBOT}, spend_policy=POLICY)
    stack.up()
    stack.declare(keys={"chatbot-prod": {**CHATBOT, "requests_per_minute": "unlimited"}}, spend_policy=POLICY)
    reviewed = command(stack, "review", "--fail-on", "high")
    assert reviewed.returncode == 3
    assert "requests per minute removed: 500 requests/min to unlimited" in reviewed.stdout
    assert "#### Delete API key `pilot`" in reviewed.stdout

    nowhere = {"GROQ_ADMIN_BASE_URL": "http://127.0.0.1:9"}
    unasked = command(stack, "review", **nowhere)
    assert unasked.returncode == 0
    assert "### Not checked" in unasked.stdout
    unvalidated = command(stack, "validate", "--no-try", **nowhere)
    assert (unvalidated.returncode, unvalidated.stdout) == (1, "")
    assert unvalidated.stderr.count("\n") == 1


def test_a_changed_secret_is_named_without_its_value(stack: Any) -> None:
    """Preview and review name a webhook address and a signing secret that change; no value is shown."""
    hooks = {"alert_webhook_urls": ["https://old.example/tok"], "alert_webhook_signing_secret": "old" * 8}
    stack.declare(spend_policy={**POLICY, **hooks})
    stack.up()
    changed = {"alert_webhook_urls": ["https://new.example/tok"], "alert_webhook_signing_secret": "new" * 8}
    stack.declare(spend_policy={**POLICY, **changed})
    reviewed = command(stack, "review", "--output", "json")
    assert reviewed.returncode == 0, reviewed.stderr
    (change,) = json.loads(reviewed.stdout)["changes"]
    assert change["fields"] == {
        "alert_webhook_urls": {"now": "set (a secret)", "after": "the webhook's address changes"},
        "alert_webhook_signing_secret": {
            "now": "set (a secret)",
            "after": "the webhook's signing secret changes",
        },
    }
    previewed = stack.preview().output
    assert '[0]: "the webhook\'s address changes"' in previewed
    assert '[1]: "the webhook\'s signing secret changes"' in previewed
    for part in ("old.example", "new.example", "oldold", "newnew"):
        assert part not in reviewed.stdout
        assert part not in previewed
    stack.up()
    assert json.loads(command(stack, "review", "--output", "json").stdout)["changes"] == []
