"""What a rotation tells, and which outputs it announces as not settled yet."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from in_process_gateway import InProcessGateway, Wire
from pulumi_groq.admin import KeyListing
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.properties import UNKNOWN, Checked
from pulumi_groq.models.api_key import ApiKeyUpdate
from rotation_story import MONTHLY, Deaf, Declared

MINTED = {"key_id", "api_key", "last_four", "created_at", "generation"}
OBSERVED = {"previous_key_id", "retire_after", "next_rotation_at"}
OVERLAP = [(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(hours=1))]
LATER = [(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(days=2))]


def unsettled(story: Any, declared: Declared, wire: Wire | None = None) -> frozenset[str]:
    """The outputs that the next run may change, as a preview asks for them."""
    client = (wire or Wire(story.gateway)).client()
    lifecycle = ApiKeyLifecycle(client, KeyListing(client), story.engine.told.append)
    inputs = {**story.engine.inputs, **declared}
    return lifecycle.unsettled(story.engine.outputs, inputs)


def test_key_that_is_not_due_keeps_all_its_outputs(story: Any) -> None:
    """Nothing behind it seems to change in a preview."""
    assert unsettled(story([(MONTHLY, timedelta(days=3))]), MONTHLY) == frozenset()


def test_rotation_that_is_due_unsettles_the_value(story: Any) -> None:
    """The next run mints a key: id, value and schedule become others."""
    assert unsettled(story([(MONTHLY, timedelta(days=31))]), MONTHLY) >= MINTED | OBSERVED


def test_retirement_that_is_due_leaves_the_value_alone(story: Any) -> None:
    """Only what is shown of the predecessor changes."""
    found = unsettled(story(LATER), MONTHLY)
    assert found >= {"previous_key_id", "retire_after"}
    assert not found & MINTED


@pytest.mark.parametrize("rotation", [UNKNOWN, {"trigger": UNKNOWN}])
def test_unknown_schedule_may_rotate(story: Any, rotation: Any) -> None:
    """What the program does not know yet may be a trigger; what is not known to be due is not done."""
    rotated = story([(MONTHLY, timedelta(days=31))])
    assert unsettled(rotated, {"rotation": rotation}) >= MINTED
    client = Wire(rotated.gateway).client()
    lifecycle = ApiKeyLifecycle(client, KeyListing(client), rotated.engine.told.append)
    inputs = {**rotated.engine.inputs, "rotation": rotation}
    assert lifecycle.diff("key", rotated.engine.outputs, inputs).changed == ("rotation",)


@pytest.mark.parametrize("owner", [None, 5, [], {}])
def test_owner_in_last_inputs_that_someone_edited_is_gone_over(story: Any, owner: Any) -> None:
    """What is due is told by the state, then, and not by the list of the owner's keys."""
    rotated = story([(MONTHLY, timedelta(days=31))])
    client = Wire(rotated.gateway).client()
    lifecycle = ApiKeyLifecycle(client, KeyListing(client), rotated.engine.told.append)
    checked = lifecycle.check({**rotated.engine.inputs, "managed_by": owner}, rotated.engine.inputs)
    assert checked == Checked(rotated.engine.inputs, ())


@pytest.mark.parametrize("rotation", ["monthly", 5, [], {"every_days": "30"}])
def test_last_inputs_that_someone_edited_are_gone_over(story: Any, rotation: Any) -> None:
    """A refresh compares with them, and the next run puts them right: neither fails, and nothing rotates."""
    plain = story([(MONTHLY, timedelta(days=1))])
    client = Wire(plain.gateway).client()
    lifecycle = ApiKeyLifecycle(client, KeyListing(client), plain.engine.told.append)
    edited = {**plain.engine.inputs, "rotation": rotation}
    assert lifecycle.diff("key", plain.engine.outputs, edited).changed == ("rotation",)
    assert lifecycle.check(edited, plain.engine.inputs).failures == ()
    assert plain.engine.told == []


def test_gateway_without_an_answer_may_rotate(story: Any) -> None:
    """A preview that cannot look promises nothing."""
    rotated = story([(MONTHLY, timedelta(days=31))])
    assert unsettled(rotated, MONTHLY, Deaf(rotated.gateway, looks=9)) >= MINTED | OBSERVED


def test_state_of_another_release_has_no_claim_yet(story: Any) -> None:
    """A move to another address draws one, so it is announced."""
    plain = story([({}, timedelta(days=1))])
    del plain.engine.outputs["claim"]
    assert "claim" in unsettled(plain, {"declared_as": "moved"})


def test_predecessor_in_use_is_told_with_its_traffic(story: Any, gateway: InProcessGateway) -> None:
    """Once the overlap is over, whoever still uses the old key is known by its requests."""
    rotated = story(LATER)
    first = next(iter(rotated.values))
    assert gateway.chat(first) == 200
    rotated.engine.told.clear()
    rotated.up(MONTHLY)
    told = " / ".join(rotated.engine.told)
    assert "it is kept until it has been quiet" in told
    assert "served 1 requests today" in told


def test_predecessor_without_a_row_of_usage_is_told_without_traffic(
    story: Any, gateway: InProcessGateway
) -> None:
    """Its requests may have been booked in another month."""

    class Forgetful(Wire):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if request.url.path != "/openai/v1/usage":
                return answer
            return httpx.Response(200, json={**json.loads(answer.content), "usage_by_key": []})

    rotated = story(LATER)
    assert gateway.chat(next(iter(rotated.values))) == 200
    rotated.engine.told.clear()
    rotated.up(MONTHLY, Forgetful(gateway))
    told = " / ".join(rotated.engine.told)
    assert "it is kept until it has been quiet" in told
    assert "requests today" not in told


def test_refresh_tells_of_a_predecessor_that_is_gone(story: Any) -> None:
    """Somebody deleted it elsewhere: the line says which one."""
    rotated = story(OVERLAP)
    state = rotated.engine.state
    Wire(rotated.gateway).client().delete_key(state.previous_key_id)
    rotated.engine.refresh(Wire(rotated.gateway))
    assert f"previous key …{state.previous_last_four} was deleted elsewhere" in rotated.engine.told[-1]


def test_refresh_tells_of_a_predecessor_that_was_disabled(story: Any) -> None:
    """Its users fail already: whoever refreshes hears of it."""
    rotated = story(OVERLAP)
    state = rotated.engine.state
    Wire(rotated.gateway).client().update_key(state.previous_key_id, ApiKeyUpdate(disabled=True))
    rotated.engine.refresh(Wire(rotated.gateway))
    assert f"previous key …{state.previous_last_four} was disabled elsewhere" in rotated.engine.told[-1]


def test_refresh_tells_of_a_key_that_is_gone_while_its_predecessor_lives(story: Any) -> None:
    """The lineage lives on in the older key, so the resource stays, with its key as deleted."""
    rotated = story(OVERLAP)
    state = rotated.engine.state
    Wire(rotated.gateway).client().delete_key(state.key_id)
    rotated.engine.refresh(Wire(rotated.gateway))
    assert rotated.engine.state.status == "deleted"
    assert any(f"key …{state.last_four} was deleted elsewhere" in line for line in rotated.engine.told)
