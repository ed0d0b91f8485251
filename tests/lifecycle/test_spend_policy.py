"""What a refresh by whoever may read the spending policy, and not set it, finds of where its alerts go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from in_process_gateway import InProcessGateway, Wire, in_process_gateway
from pulumi_groq.admin import AdminClient
from pulumi_groq.lifecycle.properties import dump
from pulumi_groq.lifecycle.spend_policy import SPEND_POLICY_ID, SpendPolicyArgs, SpendPolicyLifecycle
from pulumi_groq.models.admin_key import AdminKeyCreate
from pulumi_groq.models.spend_policy import SpendPolicySettings

URL = "https://hooks.example.com/T0K3N"
ARGS = SpendPolicyArgs.model_validate(
    {"monthly_cap_usd": 5, "alert_webhook_urls": [URL], "managed_by": "acme/infra/prod", "declared_as": "p"}
)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[InProcessGateway]:
    with in_process_gateway(tmp_path) as running:
        yield running


def viewer(gateway: InProcessGateway) -> AdminClient:
    owner = Wire(gateway).client()
    created = owner.create_admin_key(AdminKeyCreate(name="preview", role="viewer"), "preview")
    return Wire(gateway).client(created.key.admin_key)


def test_a_viewers_refresh_shows_no_drift(gateway: InProcessGateway) -> None:
    """The state keeps what it knows, for nothing changed."""
    _, state = SpendPolicyLifecycle(Wire(gateway).client(), print).create(ARGS)
    told: list[str] = []
    resource = SpendPolicyLifecycle(viewer(gateway), told.append)
    assert resource.read(SPEND_POLICY_ID, state) == state
    assert told == []


@pytest.mark.parametrize("others", [[], ["https://evil.example.com/"]])
def test_a_change_by_hand_is_drift_to_a_viewer_too(gateway: InProcessGateway, others: list[str]) -> None:
    """Without a word of where alerts go now."""
    owner = Wire(gateway).client()
    _, state = SpendPolicyLifecycle(owner, print).create(ARGS)
    changed = {"monthly_cap_usd": 5, "alert_webhook_urls": others}
    owner.put_spend_policy(SpendPolicySettings.model_validate(changed))
    told: list[str] = []
    resource = SpendPolicyLifecycle(viewer(gateway), told.append)
    seen = resource.read(SPEND_POLICY_ID, state)
    assert seen is not None
    assert resource.diff(SPEND_POLICY_ID, dump(seen), dump(ARGS)).changed == ("alert_webhook_urls",)
    assert told == [
        "the spending policy: where alerts go was changed elsewhere; your role may not see to where"
    ]


def test_there_is_no_policy_by_another_id(gateway: InProcessGateway) -> None:
    """An import under an id that is not the policy's finds nothing, as that of any other object does."""
    resource = SpendPolicyLifecycle(Wire(gateway).client(), print)
    resource.create(ARGS)
    assert resource.read("organisation", None) is None
