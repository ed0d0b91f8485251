"""Answers of the admin API that a key's lifecycle seldom gets."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from in_process_gateway import Wire
from pulumi_groq.admin import KeyListing
from pulumi_groq.errors import ConflictError
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.key_state import ApiKeyArgs, ApiKeyState
from pulumi_groq.lifecycle.properties import parse
from rotation_story import MONTHLY
from stand_in_stack import lifecycle_of


class Refusing(Wire):
    """Refuses deletes with a code of its own, without the gateway."""

    code = "locked"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            error = {"message": "no", "type": "invalid_request_error", "code": self.code}
            return httpx.Response(409, json={"error": error})
        return super().handle_request(request)


def lifecycle_on(wire: Wire, told: list[str]) -> ApiKeyLifecycle:
    client = wire.client()
    return ApiKeyLifecycle(client, KeyListing(client), told.append)


def test_read_by_id_alone_gives_what_the_server_has(story: Any) -> None:
    """An import has no state: the value is not known, everything else is."""
    plain = story([({}, timedelta())])
    key_id = plain.engine.state.key_id
    found = lifecycle_on(Wire(plain.gateway), []).read(key_id, None)
    assert found is not None
    assert (found.key_id, found.api_key, found.requests_per_minute) == (key_id, None, 500)


def test_key_of_no_stack_is_looked_up_by_its_lineage(story: Any) -> None:
    """A key that was made by a program without an address is in no stack's list."""
    plain = story([(MONTHLY, timedelta(hours=1))])
    outputs = {**plain.engine.outputs, "managed_by": None}
    wire = Wire(plain.gateway)
    inputs = {**plain.engine.inputs, "managed_by": None}
    assert lifecycle_on(wire, []).diff("key", outputs, inputs).changed == ()
    assert wire.sent == ["GET"]


@pytest.mark.parametrize("kind", ["policy", "team", "identity"])
def test_first_create_settles_every_output(kind: str, story: Any) -> None:
    """Afterwards only a claim that is missing may still come."""
    wire = Wire(story([]).gateway)
    lifecycle = lifecycle_of(kind, wire.client(), print)
    outputs = lifecycle.state.model_fields.keys() - lifecycle.args.model_fields.keys()
    assert lifecycle.unsettled(None, {}) == outputs
    assert lifecycle.unsettled({"claim": "drawn"}, {}) == frozenset()
    assert lifecycle.unsettled({}, {}) == {"claim"}


def test_unforeseen_conflict_of_a_retirement_is_passed_on(story: Any) -> None:
    """Only a key in use is kept and told of."""
    rotated = story([(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(days=2))])
    with pytest.raises(ConflictError, match="no"):
        rotated.up(MONTHLY, Refusing(rotated.gateway))


def test_unforeseen_conflict_of_a_delete_is_passed_on(story: Any) -> None:
    """Without advice on keys in use."""
    plain = story([({}, timedelta())])
    with pytest.raises(ConflictError) as raised:
        lifecycle_on(Refusing(plain.gateway), []).delete("key", parse(ApiKeyState, plain.engine.outputs))
    assert "allow_delete_in_use" not in str(raised.value)


def test_key_left_behind_that_is_gone_by_then_is_no_obstacle(story: Any) -> None:
    """Somebody deletes it between the refusal and the look at it: the create is repeated."""

    class Racing(Wire):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle_request(request)
            if request.method == "POST" and answer.status_code == 409:
                Wire(self.gateway).client().delete_key(answer.headers["x-api-key-id"])
            return answer

    plain = story([({}, timedelta())])
    args = parse(ApiKeyArgs, {**plain.engine.inputs, "requests_per_minute": 9})
    wire = Racing(plain.gateway)
    key_id, _ = lifecycle_on(wire, []).create(args)
    assert wire.sent == ["POST", "GET", "POST"]
    assert key_id != plain.engine.state.key_id
