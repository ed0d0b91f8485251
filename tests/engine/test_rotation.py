"""Rotation on the real engine, from the first day to the retired key, on the gateway's clock."""

import re
from typing import Any

import httpx
import pytest

from local_engine import BOTH_PACKAGES
from pulumi_groq.models.api_key import ApiKeyCreate

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

DAY_S = 24 * 3600
KEY = {"allowed_models": ["openai/gpt-oss-20b"], "requests_per_minute": 500}
MONTHLY = {**KEY, "rotation": {"every_days": 30}}
FIRST, SECOND = ({"keys": {"chatbot-prod": {**KEY, "rotation": {"trigger": trigger}}}} for trigger in "12")


def call(gateway: Any, api_key: str) -> int:
    """One chat request with `api_key`; the status."""
    body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    headers = {"authorization": f"Bearer {api_key}"}
    return httpx.post(
        f"{gateway.base_url}/openai/v1/chat/completions",
        json=body,
        headers=headers,
        timeout=60,
    ).status_code


def value(stack: Any) -> str:
    """The value that the stack hands to its secrets manager."""
    current: str = stack.output("api_keys")["chatbot-prod"]
    return current


def live(gateway: Any) -> list[tuple[int, str]]:
    """Generation and status of every live key, oldest first."""
    with gateway.client() as client:
        return [(key.generation, key.status) for key in client.list_keys()]


def test_whole_life(deployed: Any) -> None:
    """Due after 30 days, both keys work in the overlap, the old one goes when it is quiet, never before."""
    gateway, stack = deployed({"keys": {"chatbot-prod": MONTHLY}})
    first = value(stack)
    gateway.control("clock", advance_s=29 * DAY_S)
    quiet_day = stack.preview().output
    assert "rotation_due" not in quiet_day
    assert re.search(r"2 unchanged", quiet_day)

    gateway.control("clock", advance_s=2 * DAY_S)
    assert 'rotation_due: "rotate: 31 days old, limit 30"' in re.sub(r" +:", ":", stack.preview().output)
    assert live(gateway) == [(1, "active")]
    stack.up()
    second = value(stack)
    assert second != first
    assert live(gateway) == [(1, "active"), (2, "active")]
    assert (call(gateway, first), call(gateway, second)) == (200, 200)

    gateway.control("clock", advance_s=23 * 3600)
    assert "rotation_due" not in stack.preview().output

    gateway.control("clock", advance_s=3 * 3600)
    assert call(gateway, first) == 200
    kept = stack.up().output
    assert f"key …{first[-4:]} is past its overlap but still in use" in kept
    assert "served 1 requests today" in kept
    assert live(gateway) == [(1, "active"), (2, "active")]

    gateway.control("clock", advance_s=26 * 3600)
    assert f"retire key …{first[-4:]}: quiet for 26 h" in stack.preview().output
    stack.up()
    assert live(gateway) == [(2, "active")]
    assert (call(gateway, first), call(gateway, second)) == (401, 200)
    assert value(stack) == second

    gateway.control("reset-counts")
    stack.up()
    assert gateway.writes() == 0


def test_outputs_tell_of_both_keys(deployed: Any) -> None:
    """The state names the previous key, when it is retired and when the next rotation is."""
    gateway, stack = deployed({"keys": {"chatbot-prod": MONTHLY}})
    first = value(stack)
    gateway.control("clock", advance_s=31 * DAY_S)
    stack.up()
    (resource,) = stack.resources()
    outputs = resource["outputs"]
    assert outputs["generation"] == 2
    assert outputs["previous_last_four"] == first[-4:]
    assert outputs["retire_after"] > outputs["created_at"]
    assert outputs["next_rotation_at"] > outputs["retire_after"]


def test_trigger_inside_the_overlap_is_refused_at_preview(deployed: Any) -> None:
    """A second rotation while the first one's predecessor works is refused, with the time it opens."""
    gateway, stack = deployed(FIRST, SECOND)
    stack.declare(keys={"chatbot-prod": {**KEY, "rotation": {"trigger": "3"}}})
    refused = stack.preview()
    assert refused.code != 0
    assert "rotation.trigger" in refused.output
    assert "a rotation opens at" in refused.output
    assert live(gateway) == [(1, "active"), (2, "active")]


def test_emergency_revokes_at_once(deployed: Any) -> None:
    """An emergency inside the overlap leaves one key, and says that the others were revoked."""
    gateway, stack = deployed(FIRST)
    first = value(stack)
    stack.declare(keys={"chatbot-prod": {**KEY, "rotation": {"trigger": "2"}}})
    stack.up()
    second = value(stack)
    assert call(gateway, second) == 200
    stack.declare(keys={"chatbot-prod": {**KEY, "rotation": {"trigger": "2", "emergency_trigger": "leak-7"}}})
    run = stack.up()
    assert "earlier keys are revoked at once" in run.output
    assert live(gateway) == [(3, "active")]
    assert [call(gateway, key) for key in (first, second, value(stack))] == [401, 401, 200]


def test_limits_changed_in_the_overlap_hold_for_both_keys(deployed: Any) -> None:
    """A change of limits while two keys work reaches both; destroy removes both."""
    gateway, stack = deployed(FIRST, SECOND)
    (rotated,) = SECOND["keys"].values()
    stack.declare(keys={"chatbot-prod": {**rotated, "requests_per_minute": 7}})
    stack.up()
    with gateway.client() as client:
        assert [key.requests_per_minute for key in client.list_keys()] == [7, 7]
    stack.destroy()
    assert live(gateway) == []


def test_live_key_deleted_elsewhere_is_succeeded(deployed: Any) -> None:
    """Refresh notices that the live key is gone; the next run gives a new one, the previous works on."""
    gateway, stack = deployed(FIRST, SECOND)
    with gateway.client() as client:
        client.delete_key(list(client.list_keys())[-1].id)
    assert "was deleted elsewhere" in stack.refresh().output
    run = stack.up()
    assert "its live key was deleted elsewhere" in run.output
    assert [generation for generation, _ in live(gateway)] == [1, 2]
    assert call(gateway, value(stack)) == 200


def test_previous_key_deleted_elsewhere_is_noticed(deployed: Any) -> None:
    """Refresh drops a previous key that is gone from the outputs, and the run after it changes nothing."""
    gateway, stack = deployed(FIRST, SECOND)
    with gateway.client() as client:
        client.delete_key(next(client.list_keys()).id)
    assert "was deleted elsewhere" in stack.refresh().output
    (resource,) = stack.resources()
    assert "previous_key_id" not in resource["outputs"]
    gateway.control("reset-counts")
    stack.up()
    assert gateway.writes() == 0


def test_adopted_key_gets_a_value_by_rotation(gateway: Any, stack: Any) -> None:
    """Adopting with a rotation declared gives a new value; whoever uses the old one goes on."""
    with gateway.client() as client:
        created = client.create_key(
            ApiKeyCreate(name="chatbot-prod", allowed_models=["openai/gpt-oss-20b"]), "adopt"
        )
    stack.declare(keys={"chatbot-prod": {**MONTHLY, "adopt_key_id": created.key.id}})
    stack.up()
    assert value(stack) != created.key.api_key
    assert (call(gateway, created.key.api_key), call(gateway, value(stack))) == (200, 200)


def test_delete_in_use_is_refused(gateway: Any, stack: Any) -> None:
    """A key that served traffic a moment ago is deleted only if that is declared."""
    stack.declare(keys={"chatbot-prod": KEY})
    stack.up()
    assert call(gateway, value(stack)) == 200
    refused = stack.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack.name)
    assert refused.code != 0
    assert "allow_delete_in_use=True" in refused.output
    assert live(gateway) == [(1, "active")]
    stack.declare(keys={"chatbot-prod": {**KEY, "allow_delete_in_use": True}})
    stack.up()
    stack.destroy()
    assert live(gateway) == []


def test_lost_answer_of_a_rotation_is_taken_over(deployed: Any) -> None:
    """A rotation whose answer was lost is finished by the next run: the same key, its value in state."""
    gateway, stack = deployed(FIRST)
    first = value(stack)
    stack.declare(keys={"chatbot-prod": {**KEY, "rotation": {"trigger": "2"}}})
    gateway.control("lose-response", times=1000, method="POST", path_prefix="/openai/v1/api-keys")
    stack.fails_up(GROQ_ADMIN_DEADLINE_SECONDS="2")
    gateway.control("cancel-orders")
    assert live(gateway) == [(1, "active"), (2, "active")]
    stack.up()
    assert live(gateway) == [(1, "active"), (2, "active")]
    assert (call(gateway, first), call(gateway, value(stack))) == (200, 200)
    assert value(stack) != first
