"""What only the plugin can do: exact previews, imports, questions, and taking over the dynamic resources."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_engine import NATIVE
from pulumi_groq.models.api_key import ApiKeyCreate

pytestmark = pytest.mark.engine

KEY = {"allowed_models": ["openai/gpt-oss-20b"], "requests_per_minute": 500}
DEPENDENT = """
import pulumi

from pulumi_groq_sdk import GroqApiKey, get_keys

first = GroqApiKey("first", allowed_models=["openai/gpt-oss-20b"], requests_per_minute=LIMIT)
GroqApiKey("second", allowed_models=["openai/gpt-oss-20b"], metadata={"first_key": first.key_id})
pulumi.export("first", first.key_id)
pulumi.export("value", first.api_key)
if len(get_keys(name="nobody").keys):
    raise AssertionError("nobody has no key")
"""


@pytest.fixture
def stack(gateway: Any, new_stack: Any) -> Any:
    """A stack that declares the plugin's resources."""
    return new_stack(gateway, package=NATIVE)


def test_preview_of_an_update_shows_the_update_and_nothing_else(gateway: Any, stack: Any) -> None:
    """One line differs; the key that depends on the changed one, and every output, stay as they are."""
    program = Path(stack.folder, "__main__.py")
    program.write_text(DEPENDENT.replace("LIMIT", "500"))
    stack.up()
    first = stack.output("first")
    program.write_text(DEPENDENT.replace("LIMIT", "600"))
    shown = stack.preview().printed
    start = shown.index("  pulumi:pulumi:Stack")
    lines = shown[start:].split("Resources:")[0].rstrip().splitlines()
    assert [line for line in lines if "[provider=" not in line] == [
        "  pulumi:pulumi:Stack: (same)",
        "    [urn=urn:pulumi:dev::infra::pulumi:pulumi:Stack::infra-dev]",
        "    ~ groq:index:GroqApiKey: (update)",
        f"        [id={first}]",
        "        [urn=urn:pulumi:dev::infra::groq:index:GroqApiKey::first]",
        "      ~ requestsPerMinute: 500 => 600",
    ]
    assert re.search(r"~ 1 to update\n +2 unchanged", shown)


QUESTIONS = """
import pulumi

from pulumi_groq_sdk import get_keys, get_models, get_usage

pulumi.export("models", sorted(model.id for model in get_models().models))
pulumi.export("keys", [[key.name, key.requests_per_minute] for key in get_keys(name="asked-for").keys])
pulumi.export("usage", [[row.key_name, row.requests_today] for row in get_usage().usage_by_key])
"""


def test_a_program_asks_for_models_keys_and_usage(gateway: Any, stack: Any) -> None:
    """The three functions answer what the admin API does, in the program's own spelling."""
    with gateway.client() as client:
        for name in ("asked-for", "other"):
            wanted = ApiKeyCreate(name=name, allowed_models=["openai/gpt-oss-20b"], requests_per_minute=7)
            value = client.create_key(wanted, name).key.api_key
        served = sorted(model.id for model in client.models())
    chat = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {value}"}
    url = f"{gateway.base_url}/openai/v1/chat/completions"
    httpx.post(url, json=chat, headers=headers, timeout=60).raise_for_status()
    Path(stack.folder, "__main__.py").write_text(QUESTIONS)
    stack.up()
    assert stack.output("models") == served
    assert stack.output("keys") == [["asked-for", 7]]
    assert stack.output("usage") == [["asked-for", 0], ["other", 1]]


def test_import_takes_a_key_as_it_is(gateway: Any, stack: Any) -> None:
    """A key that exists is imported by its id, without being touched, and is kept as it is."""
    with gateway.client() as client:
        existing = client.create_key(
            ApiKeyCreate(name="legacy", allowed_models=["openai/gpt-oss-20b"], requests_per_minute=7),
            "import-test",
        ).key
    stack.declare()
    # The program itself is written by the language's host, which test machines need not have whole.
    run = stack.pulumi(
        "import",
        "--generate-code=false",
        "groq:index:GroqApiKey",
        "legacy",
        existing.id,
        "--yes",
        "--stack",
        stack.name,
    )
    assert run.code == 0, run.printed
    (resource,) = stack.resources()
    assert resource["id"] == existing.id
    assert {name: value for name, value in resource["inputs"].items() if not name.startswith("__")} == {
        "allowed_models": ["openai/gpt-oss-20b"],
        "name": "legacy",
        "requests_per_minute": 7,
    }
    with gateway.client() as client:
        assert [key.id for key in client.list_keys()] == [existing.id]


def test_moving_over_from_the_dynamic_resources(gateway: Any, new_stack: Any) -> None:
    """In the middle of an overlap: nothing is replaced, values stay, the old key is retired in time."""
    stack = new_stack(gateway)
    rotating = {**KEY, "team": "research", "rotation": {"trigger": "1"}}
    trust = {"issuer": "https://issuer.example.com", "audience": "groq", "claims": {"sub": "job"}}
    others = {
        "teams": {"research": {"allowed_models": ["openai/gpt-oss-20b"]}},
        "admin_keys": {"ci": {"role": "viewer", "teams": ["research"]}},
        "identities": {"deploy": {**trust, "admin_role": "auditor"}},
        "spend_policy": {"monthly_cap_usd": 500, "alert_webhook_urls": ["https://hooks.example.com/t"]},
    }
    stack.declare(keys={"chatbot-prod": rotating}, **others)
    stack.up()
    rotating["rotation"] = {"trigger": "2"}
    stack.declare(keys={"chatbot-prod": rotating}, **others)
    stack.up()
    before = stack.output("api_keys")
    ids = stack.output("key_ids")
    admin_key = stack.output("admin ci")
    gateway.control("reset-counts")
    stack.use(NATIVE)
    moved = stack.up().printed
    assert gateway.writes() == 0
    assert "replaced" not in moved
    assert "deleted" not in moved
    assert (stack.output("api_keys"), stack.output("key_ids")) == (before, ids)
    assert stack.output("admin ci") == admin_key
    (resource,) = stack.resources()
    assert resource["type"] == "groq:index:GroqApiKey"
    gateway.control("clock", advance_s=50 * 3600)
    assert "retire key" in stack.preview().output
    stack.up()
    with gateway.client() as client:
        (key,) = client.list_keys()
    assert (key.id, stack.output("api_keys")) == (ids["chatbot-prod"], before)
    (resource,) = stack.resources()
    assert resource["outputs"]["generation"] == 2
    stack.destroy()
    with gateway.client() as client:
        assert (list(client.list_keys()), client.list_teams()) == ([], [])
        assert (client.list_admin_keys(), client.list_workload_identities()) == ([], [])
