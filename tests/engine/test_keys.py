"""A key's life on the real engine, from create to destroy."""

import re
from typing import Any

import pytest

from local_engine import BOTH_PACKAGES
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyUpdate

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

CHATBOT = {
    "allowed_models": ["llama-3.3-70b-versatile", "llama-3.1-8b-instant"],
    "requests_per_minute": 500,
    "tokens_per_minute": 100_000,
}


def test_life_of_a_key(gateway: Any, stack: Any) -> None:
    """Create, no change, update in place, replace by a new name and destroy do what they say, and no more."""
    stack.declare(keys={"chatbot-prod": CHATBOT})
    created = stack.up()
    with gateway.client() as client:
        (first,) = client.list_keys()
        assert stack.output("key_ids") == {"chatbot-prod": first.id}
        assert stack.output("api_keys")["chatbot-prod"][-4:] == first.last_four
        assert first.managed_by == "organization/infra/dev"
        assert "Groq retired llama-3.1-8b-instant on 2026-08-16" in created.output

        gateway.control("reset-counts")
        unchanged = stack.up()
        assert re.search(r"\d unchanged", unchanged.output)
        assert "updated" not in unchanged.output
        assert gateway.requests() == {}

        stack.declare(keys={"chatbot-prod": {**CHATBOT, "requests_per_minute": 600}})
        shown = stack.preview()
        assert "~ requests_per_minute: 500 => 600" in shown.output
        value = stack.output("api_keys")["chatbot-prod"]
        stack.up()
        (updated,) = client.list_keys()
        assert (updated.id, updated.requests_per_minute) == (first.id, 600)
        assert stack.output("api_keys") == {"chatbot-prod": value}

        stack.declare(keys={"chatbot-prod": {**CHATBOT, "name": "chatbot-live"}})
        replaced = stack.up()
        assert "1 replaced" in replaced.output
        (second,) = client.list_keys()
        assert (second.name, second.id != first.id) == ("chatbot-live", True)

        stack.destroy()
        assert list(client.list_keys()) == []


def test_drift_is_seen_by_refresh_and_put_right(deployed: Any) -> None:
    """Limits changed and a key disabled elsewhere appear in a refresh; the next preview shows the repair."""
    gateway, stack = deployed({"keys": {"chatbot-prod": CHATBOT}})
    with gateway.client() as client:
        (key,) = client.list_keys()
        client.update_key(key.id, ApiKeyUpdate(requests_per_minute=9, disabled=True))
        assert "requests_per_minute" in stack.refresh().output
        repair = stack.preview().output
        assert re.search(r"~ requests_per_minute: 9 +=> 500", repair)
        assert re.search(r"~ disabled +: true => false|- disabled +: true", repair)
        stack.up()
        repaired = client.get_key(key.id)
        assert (repaired.requests_per_minute, repaired.status) == (500, "active")


def test_key_deleted_elsewhere_is_recreated(deployed: Any) -> None:
    """A refresh drops a key that is gone, and the next run makes a new one."""
    gateway, stack = deployed({"keys": {"chatbot-prod": CHATBOT}})
    with gateway.client() as client:
        (key,) = client.list_keys()
        client.delete_key(key.id)
        stack.refresh()
        stack.up()
        (recreated,) = client.list_keys()
        assert recreated.id != key.id
        assert stack.output("key_ids") == {"chatbot-prod": recreated.id}


def test_forced_replacement_keeps_the_key(deployed: Any) -> None:
    """`--replace` neither deletes the key that services use nor mints a second one, and says so."""
    gateway, stack = deployed({"keys": {"chatbot-prod": CHATBOT}})
    before = stack.output("api_keys")
    (resource,) = stack.resources()
    run = stack.up("--replace", resource["urn"])
    assert "kept, for it is now declared as" in run.output
    with gateway.client() as client:
        (key,) = client.list_keys()
    assert stack.output("api_keys") == before
    assert before["chatbot-prod"][-4:] == key.last_four


def test_adopting_keeps_the_key(gateway: Any, stack: Any) -> None:
    """A key that exists is taken over by id and brought to what is declared, without a new key."""
    with gateway.client() as client:
        existing = client.create_key(
            ApiKeyCreate(name="legacy", allowed_models=["llama-3.1-8b-instant"]), "adoption-test"
        ).key
        stack.declare(keys={"legacy": {**CHATBOT, "adopt_key_id": existing.id}})
        stack.up()
        (adopted,) = client.list_keys()
        assert (adopted.id, adopted.requests_per_minute) == (existing.id, 500)
        stack.declare(keys={"legacy": CHATBOT})
        gateway.control("reset-counts")
        stack.up()
        assert gateway.writes() == 0


def test_get_reads_a_key_without_owning_it(gateway: Any, stack: Any) -> None:
    """`GroqApiKey.get` shows an existing key; destroying the stack leaves it alone."""
    with gateway.client() as client:
        existing = client.create_key(
            ApiKeyCreate(name="shared", allowed_models=["llama-3.1-8b-instant"], requests_per_minute=7),
            "get-test",
        ).key
        stack.declare(adopted={"shared": {"key_id": existing.id}})
        stack.up()
        assert stack.output("limits") == {"shared": 7}
        stack.destroy()
        assert client.get_key(existing.id).status == "active"


def test_get_of_a_key_that_does_not_exist_fails(gateway: Any, stack: Any) -> None:
    """The run ends with the id, rather than with outputs that are nothing."""
    stack.declare(adopted={"shared": {"key_id": "key_mistyped"}})
    assert "'key_mistyped'" in stack.fails_up().output


def test_two_stacks_side_by_side(gateway: Any, new_stack: Any, package: str) -> None:
    """Two stacks of one program have a key each; destroying one leaves the other's."""
    stacks = [new_stack(gateway, name, package=package) for name in ("dev", "prod")]
    for stack in stacks:
        stack.declare(keys={"chatbot-prod": CHATBOT})
        stack.up()
    values = {stack.output("api_keys")["chatbot-prod"] for stack in stacks}
    assert len(values) == 2
    stacks[0].destroy()
    with gateway.client() as client:
        assert [key.managed_by for key in client.list_keys()] == ["organization/infra/prod"]


def test_lost_answer_is_retried_in_the_same_run(gateway: Any, stack: Any) -> None:
    """One answer cut off after the commit costs nothing: the retry gets the same key, value included."""
    stack.declare(keys={"chatbot-prod": CHATBOT})
    gateway.control("lose-response", times=1, method="POST", path_prefix="/openai/v1/api-keys")
    stack.up()
    with gateway.client() as client:
        (key,) = client.list_keys()
    assert stack.output("api_keys")["chatbot-prod"][-4:] == key.last_four


@pytest.mark.parametrize("requests_per_minute", [500, 600], ids=["same body", "changed body"])
def test_lost_answer_ends_with_one_key(gateway: Any, stack: Any, requests_per_minute: int) -> None:
    """A run that never got its answer leaves a key behind; the next has just one, its value in state."""
    stack.declare(keys={"chatbot-prod": CHATBOT})
    gateway.control("lose-response", times=1000, method="POST", path_prefix="/openai/v1/api-keys")
    failed = stack.fails_up(GROQ_ADMIN_DEADLINE_SECONDS="2")
    assert "create API key 'chatbot-prod'" in failed.output
    gateway.control("cancel-orders")
    stack.declare(keys={"chatbot-prod": {**CHATBOT, "requests_per_minute": requests_per_minute}})
    stack.up()
    with gateway.client() as client:
        (key,) = client.list_keys()
    assert key.requests_per_minute == requests_per_minute
    assert stack.output("api_keys")["chatbot-prod"][-4:] == key.last_four
