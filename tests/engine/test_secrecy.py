"""No key's value, in no form, anywhere but in the encrypted state."""

import base64
import json
from typing import Any

import pytest

from local_engine import BOTH_PACKAGES
from pulumi_groq.models.spend_policy import SpendPolicySettings
from pulumi_groq.resources.api_key import ApiKeyProvider

pytestmark = pytest.mark.engine


def forms(secret: str) -> list[str]:
    """The spellings in which a secret could leak."""
    raw = secret.encode()
    return [secret, raw.hex(), base64.b64encode(raw).decode().rstrip("="), json.dumps(secret)[1:-1]]


@BOTH_PACKAGES
def test_secrets_stay_encrypted(gateway: Any, stack: Any) -> None:
    """The values of keys, the admin key and webhook secrets are in no output, log or exported state."""
    webhook = "https://hooks.example.com/services/T0/B0/webhooktoken"
    signing = "signing-secret-of-the-webhook"
    stack.declare(
        teams={"chatbot": {"allowed_models": ["openai/gpt-oss-20b"]}},
        keys={"chatbot-prod": {"allowed_models": ["openai/gpt-oss-20b"], "team": "chatbot"}},
        admin_keys={"ci": {"role": "viewer"}},
        spend_policy={
            "monthly_cap_usd": 500,
            "alert_webhook_urls": [webhook],
            "alert_webhook_signing_secret": signing,
        },
    )
    stack.pulumi("config", "set", "--secret", "groq:adminKey", gateway.admin_key, "--stack", stack.name)
    printed = [stack.preview().output, stack.up().output, stack.refresh().output]
    value = stack.output("api_keys")["chatbot-prod"]
    printed.append(stack.preview("--json").output)
    printed.append(stack.pulumi("stack", "output", "--stack", stack.name).output)
    printed.append(json.dumps(stack.exported()))
    printed.extend(path.read_text() for path in stack.folder.glob("Pulumi.*.yaml"))
    for secret in (value, stack.output("admin ci"), gateway.admin_key, webhook, signing):
        for form in forms(secret):
            assert not [text for text in printed if form in text]


@BOTH_PACKAGES
def test_secrets_set_elsewhere_stay_encrypted(gateway: Any, stack: Any) -> None:
    """A webhook that somebody set by hand is in no refresh, no preview of its repair, and no state."""
    webhook = "https://hooks.example.com/services/T0/B0/webhooktoken"
    policy = {"monthly_cap_usd": 500}
    stack.declare(spend_policy=policy)
    stack.up()
    with gateway.client() as client:
        elsewhere = {**policy, "alert_webhook_urls": [webhook]}
        client.put_spend_policy(SpendPolicySettings.model_validate(elsewhere))
    printed = [stack.refresh("--diff").output, json.dumps(stack.exported()), stack.preview().output]
    assert "alert_webhook_urls" in printed[-1]
    assert not [text for text in printed if webhook in text]


def test_provider_in_state_is_a_constant(stack: Any) -> None:
    """What Pulumi stores of the provider is its class's name: short, and the same everywhere."""
    stack.declare(keys={"chatbot-prod": {"allowed_models": ["openai/gpt-oss-20b"]}})
    stack.up()
    (resource,) = stack.resources()
    stored = resource["inputs"]["__provider"]
    assert stored == resource["outputs"]["__provider"]
    assert len(stored) < 120
    assert base64.b64decode(stored).count(b"ApiKeyProvider") == 1
    assert ApiKeyProvider.__module__.encode() in base64.b64decode(stored)
