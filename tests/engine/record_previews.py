"""Records what `pulumi preview --json` and the gateway say, for the tests of the reports.

Run by hand, with the pulumi CLI on PATH: `pytest tests/engine/record_previews.py`. It writes
tests/reports/golden/: `NAME.preview.json` as the engine printed it, `NAME.live.json` as the admin
API answered at that moment, `stack.export.json`, and the reviews of them as Markdown (`-k render`
writes those alone). Ids and times stay as they are: they belong to a gateway and a stack that are
gone. Source positions are left out: they are paths of this machine.
"""

import json
import subprocess
from typing import Any

import httpx
import pytest

from report_facts import GOLDEN, RECORDED, recorded_review

pytestmark = pytest.mark.engine

PROGRAM = '''\
"""Declares what declarations.json holds, and a secret store that takes every key's value."""

import json
from pathlib import Path

import pulumi
from secret_store import SecretStore

from pulumi_groq import GroqApiKey, GroqSpendPolicy, GroqTeam

declared = json.loads((Path(__file__).parent / "declarations.json").read_text())
teams = {name: GroqTeam(name, **args) for name, args in declared.get("teams", {}).items()}
keys = {}
for name, args in declared.get("keys", {}).items():
    if "team" in args:
        args = {**args, "team": teams[args["team"]].team_name}
    keys[name] = GroqApiKey(name, **args)
if "spend_policy" in declared:
    GroqSpendPolicy("spend-policy", **declared["spend_policy"])
for name, key in keys.items():
    SecretStore(f"{name}-secret", value=key.api_key, owner=key.team)
pulumi.export("key_ids", {name: key.key_id for name, key in keys.items()})
pulumi.export("api_keys", {name: key.api_key for name, key in keys.items()})
'''

SECRET_STORE = '''\
"""Stands for a secrets manager: a resource that takes a key's value."""

from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class SecretStoreProvider(ResourceProvider):
    def create(self, props):
        return CreateResult("stored", {"owner": props.get("owner")})


class SecretStore(Resource, module="vault", name="Secret"):
    def __init__(self, name, *, value, owner=None, opts=None):
        super().__init__(SecretStoreProvider(), name, {"value": value, "owner": owner}, opts)
'''

CHATBOT: dict[str, Any] = {
    "team": "chatbot",
    "allowed_models": ["openai/gpt-oss-120b", "openai/gpt-oss-20b"],
    "requests_per_minute": 500,
    "tokens_per_minute": 100_000,
    "monthly_budget_usd": 200,
}
BATCH: dict[str, Any] = {
    "team": "analytics",
    "allowed_models": ["openai/gpt-oss-20b"],
    "requests_per_day": 100,
    "tokens_per_minute": 500_000,
    "monthly_budget_usd": 100,
}
PILOT: dict[str, Any] = {"team": "chatbot", "allowed_models": ["openai/gpt-oss-20b"]}
TEAMS: dict[str, Any] = {
    "chatbot": {"allowed_models": ["openai/gpt-oss-120b", "openai/gpt-oss-20b"]},
    "analytics": {"allowed_models": ["openai/gpt-oss-20b"]},
}
POLICY: dict[str, Any] = {"monthly_cap_usd": 500, "alert_thresholds_usd": [100, 250, 400], "auto_pause": True}

STARTED: dict[str, Any] = {
    "teams": TEAMS,
    "keys": {"chatbot-prod": CHATBOT, "batch-processor": BATCH, "pilot": PILOT},
    "spend_policy": POLICY,
}
CHANGED: dict[str, Any] = {
    "teams": {**TEAMS, "analytics": {"allowed_models": ["llama-3.1-8b-instant", "openai/gpt-oss-20b"]}},
    "keys": {
        "chatbot-prod": {**CHATBOT, "tokens_per_minute": 900_000, "requests_per_minute": "unlimited"},
        "batch-processor": {
            **BATCH,
            "allowed_models": ["llama-3.1-8b-instant", "openai/gpt-oss-20b"],
            "requests_per_day": 5,
        },
    },
    "spend_policy": {
        **POLICY,
        "monthly_cap_usd": 150,
        "alert_thresholds_usd": [100],
        "auto_pause": False,
        "alert_webhook_urls": ["https://chat.example.com/hooks/T0K3N"],
    },
}
ROTATING: dict[str, Any] = {**CHATBOT, "rotation": {"every_days": 30, "overlap_hours": 24}}
ROTATED: dict[str, Any] = {
    "teams": TEAMS,
    "keys": {
        "chatbot-prod": ROTATING,
        "batch-processor": {**BATCH, "name": "batch-nightly"},
        "pilot": PILOT,
    },
}
REFUSED: dict[str, Any] = {**STARTED, "keys": {"chatbot-prod": {**CHATBOT, "requests_per_minute": 0}}}


def test_record(gateway: Any, stack: Any) -> None:
    """A stack from its first preview to a rotation, with traffic on its keys."""
    (stack.folder / "__main__.py").write_text(PROGRAM)
    (stack.folder / "secret_store.py").write_text(SECRET_STORE)
    GOLDEN.mkdir(exist_ok=True)
    stack.declare(**STARTED)
    _record("created", gateway, stack)
    stack.up()
    _write("stack.export", stack.exported())
    values = stack.output("api_keys")
    for name, model, calls in (
        ("chatbot-prod", "openai/gpt-oss-120b", 3),
        ("batch-processor", "openai/gpt-oss-20b", 12),
        ("pilot", "openai/gpt-oss-20b", 1),
    ):
        for _ in range(calls):
            _call(gateway.base_url, values[name], model)
    _record("unchanged", gateway, stack)
    stack.declare(**CHANGED)
    _record("changed", gateway, stack)
    stack.declare(**REFUSED)
    _record("refused", gateway, stack)
    stack.declare(**{**STARTED, "keys": {**STARTED["keys"], "chatbot-prod": ROTATING}})
    stack.up()
    gateway.control("clock", advance_s=31 * 24 * 3600)
    _call(gateway.base_url, values["chatbot-prod"], "openai/gpt-oss-120b")
    _call(gateway.base_url, values["batch-processor"], "openai/gpt-oss-20b")
    stack.declare(**ROTATED)
    _record("rotated", gateway, stack)


def test_render() -> None:
    """The reviews of what is recorded."""
    for name in RECORDED:
        (GOLDEN / f"{name}.review.md").write_text(recorded_review(name))
    (GOLDEN / "changed-offline.review.md").write_text(recorded_review("changed", offline=True))


def _call(base_url: str, key: str, model: str) -> None:
    answer = httpx.post(
        f"{base_url}/openai/v1/chat/completions",
        headers={"authorization": f"Bearer {key}"},
        json={"model": model, "messages": [{"role": "user", "content": "How are you?"}]},
        timeout=60,
    )
    answer.raise_for_status()


def _record(name: str, gateway: Any, stack: Any) -> None:
    done = subprocess.run(
        ["pulumi", "preview", "--json", "--non-interactive", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    _write(f"{name}.preview", json.loads(done.stdout))
    answers = {
        path.replace("-", "_"): _read(gateway, path)
        for path in ("api-keys", "teams", "usage", "spend-policy", "models")
    }
    _write(f"{name}.live", answers)


def _read(gateway: Any, path: str) -> Any:
    headers = {"authorization": f"Bearer {gateway.admin_key}"}
    return httpx.get(f"{gateway.base_url}/openai/v1/{path}", headers=headers, timeout=60).json()


def _write(name: str, document: Any) -> None:
    (GOLDEN / f"{name}.json").write_text(json.dumps(_portable(document), indent=1) + "\n")


def _portable(document: Any) -> Any:
    if isinstance(document, dict):
        left_out = {"sourcePosition", "stackTrace"}
        return {name: _portable(value) for name, value in document.items() if name not in left_out}
    return [_portable(item) for item in document] if isinstance(document, list) else document
