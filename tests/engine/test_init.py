"""`pulumi-groq init` on the real engine: what it writes runs as it stands."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_engine import Stack
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.team import TeamSettings

pytestmark = pytest.mark.engine


def _init(stack: Any, folder: Path, *options: str) -> Stack:
    """A project that init wrote, with a stack in the state and with the environment of `stack`."""
    command = [str(Path(sys.prefix, "bin", "pulumi-groq")), "init", str(folder), *options]
    done = subprocess.run(
        command, env=stack.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    search = f"{Path(sys.prefix, 'bin')}:{stack.environment['PATH']}"
    made = Stack(folder, "trial", {**stack.environment, "PATH": search})
    run = made.pulumi("stack", "init", "trial")
    assert run.code == 0, run.output
    return made


def test_a_new_project_runs_as_it_stands(stack: Any, gateway: Any, tmp_path: Path) -> None:
    """The first `up` of an untouched project creates its key, and the next finds nothing to do."""
    made = _init(stack, tmp_path / "new")
    made.up()
    with gateway.client() as client:
        (key,) = client.list_keys()
        assert (key.name, key.team) == ("my-app", "my-team")
    assert made.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "trial").code == 0


def test_what_a_gateway_holds_is_taken_over(stack: Any, gateway: Any, tmp_path: Path) -> None:
    """Keys made by hand are declared as they are: the first `up` mints none and changes no setting."""
    models = ["openai/gpt-oss-20b", "openai/gpt-oss-120b"]
    with gateway.client() as client:
        client.put_team("chatbot", TeamSettings(allowed_models=models))
        body = ApiKeyCreate(name="bot", team="chatbot", allowed_models=models[:1], requests_per_minute=77)
        client.create_key(body, "by-hand-1")
        client.create_key(
            ApiKeyCreate(name="loose", allowed_models=models[1:], metadata={"owner": "yes"}), "by-hand-2"
        )
        before = {key.name: key for key in client.list_keys()}
    made = _init(stack, tmp_path / "existing", "--from-gateway")
    made.up()
    with gateway.client() as client:
        after = {key.name: key for key in client.list_keys()}
    assert {key.id for key in after.values()} == {key.id for key in before.values()}
    for name, key in after.items():
        assert key.managed_by == "organization/groq-access/trial"
        for field in (
            "allowed_models",
            "requests_per_minute",
            "metadata",
            "monthly_budget_usd",
            "expires_at",
        ):
            assert getattr(key, field) == getattr(before[name], field)
