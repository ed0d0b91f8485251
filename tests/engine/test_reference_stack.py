"""The reference stack on the real engine: one program, over the dynamic resources and over the plugin."""

import json
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local_engine import NATIVE, installed_sdk
from pulumi_groq.models.spend_policy import SpendPolicyWrite
from pulumi_groq.models.team import TeamWrite
from pulumi_groq.models.workload_identity import WorkloadIdentityWrite

pytestmark = pytest.mark.engine

STACKS = Path(__file__).parents[2] / "stacks"
ACCESS = """\
teams:
  chatbot:
    allowed_models: [openai/gpt-oss-20b]
    allowed_tools: [stored_responses]
    keys:
      chatbot-prod:
        allowed_tools: [stored_responses]
        requests_per_minute: 500
        rotation: {trigger: "1", freeze_windows: [{start: 2030-01-01T00:00:00Z, end: 2030-01-02T00:00:00Z}]}
spend_policy:
  monthly_cap_usd: 500
admin_keys:
  chatbot-stack: {role: team-admin, teams: [chatbot]}
workload_identities:
  deploy:
    issuer: https://token.actions.githubusercontent.com
    audience: https://groq.example.com
    claims: {sub: "repo:acme/infra:environment:groq"}
    admin_role: owner
  pods:
    issuer: https://cluster.example.com
    audience: https://groq.example.com
    claims: {sub: "system:serviceaccount:chatbot:app"}
    team: chatbot
    allowed_models: [openai/gpt-oss-20b]
"""
FLAT: dict[str, Any] = {
    "teams": {"chatbot": {"allowed_models": ["openai/gpt-oss-20b"], "allowed_tools": ["stored_responses"]}},
    "keys": {
        "chatbot-prod": {
            "team": "chatbot",
            "allowed_models": ["openai/gpt-oss-20b"],
            "allowed_tools": ["stored_responses"],
            "requests_per_minute": 500,
            "rotation": {
                "trigger": "1",
                "freeze_windows": [{"start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z"}],
            },
        }
    },
    "spend_policy": {"monthly_cap_usd": 500},
}


def use_reference_stack(stack: Any) -> None:
    """Put the program of stacks/ in the place of the stack's own."""
    for name in ("__main__.py", "groq_access.py"):
        shutil.copy(STACKS / name, stack.folder)
    Path(stack.folder, "access.yaml").write_text(ACCESS)


def configure(stack: Any, *setting: str) -> None:
    run = stack.pulumi("config", "set", *setting, "--stack", stack.name)
    assert run.code == 0, run.output


def command(stack: Any, *arguments: str) -> Any:
    """What a command of the package answers in JSON, with pulumi run by itself."""
    done = subprocess.run(
        [str(Path(sys.prefix, "bin", "pulumi-groq")), *arguments, "--output", "json", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def _handed_out(stack: Any) -> tuple[Any, Any]:
    return stack.output("key_ids"), stack.output("api_keys")


def test_a_deployed_stack_moves_into_the_component_and_over_to_the_plugin(gateway: Any, stack: Any) -> None:
    """Keys keep id and value all the way, the plugin's run writes nothing, and the commands read both."""
    stack.declare(**FLAT)
    stack.up()
    kept = _handed_out(stack)
    use_reference_stack(stack)
    configure(stack, "--secret", "--path", "groq:alertWebhookUrls[0]", "https://hooks.example.com/T0K3N")
    moved = stack.up().output
    assert "replaced" not in moved
    assert "deleted" not in moved
    assert _handed_out(stack) == kept
    (admin_key,) = stack.output("admin_keys").values()
    with gateway.client() as client:
        assert [(key.name, key.teams) for key in client.list_admin_keys()] == [("chatbot-stack", ["chatbot"])]
        assert [each.name for each in client.list_workload_identities()] == ["deploy", "pods"]
    assert admin_key.startswith("pgqadm_")
    assert admin_key not in stack.checkpoint()

    stack.environment["PYTHONPATH"] = str(installed_sdk(stack.folder.parent))
    configure(stack, "groq:plugin", "true")
    gateway.control("reset-counts")
    over = stack.up().output
    assert (gateway.writes(), "replaced" in over, "deleted" in over) == (0, False, False)
    assert _handed_out(stack) == kept
    assert stack.output("admin_keys") == {"chatbot-stack": admin_key}
    assert {each["type"] for each in stack.resources()} == {"groq:index:GroqApiKey"}
    assert "T0K3N" not in stack.checkpoint()

    access = Path(stack.folder, "access.yaml")
    access.write_text(ACCESS.replace("500\n        rotation", "600\n        rotation"))
    reviewed = command(stack, "review", "--access-file", str(access))
    (change,) = reviewed["changes"]
    assert change["fields"] == {
        "requests_per_minute": {"now": "500 requests/min", "after": "600 requests/min"}
    }
    stack.up()
    checked = command(stack, "validate", "--no-try")["checks"]
    assert {each["outcome"] for each in checked} == {"ok"}
    rotations = command(stack, "rotation", "status")["keys"]
    assert [(key["kind"], key["generation"]) for key in rotations] == [("api_key", 1), ("admin_key", 1)]
    stack.destroy()
    with gateway.client() as client:
        assert (list(client.list_keys()), client.list_teams()) == ([], [])
        assert (client.list_admin_keys(), client.list_workload_identities()) == ([], [])


def test_a_stack_without_the_sdk_says_what_to_install(gateway: Any, new_stack: Any) -> None:
    """One line names the package, the command that installs it, and the way back."""
    stack = new_stack(gateway)
    use_reference_stack(stack)
    configure(stack, "groq:plugin", "true")
    told = stack.fails_up().output
    assert f"groq:plugin is true, and {NATIVE} is not installed: run `pip install ./sdk/python`" in told


def test_the_file_takes_over_what_exists(gateway: Any, new_stack: Any) -> None:
    """A team, a policy and an identity that are there already and differ are taken over where it says so."""
    with gateway.client() as client:
        client.put_team("chatbot", TeamWrite(allowed_models=["openai/gpt-oss-120b"]))
        client.put_spend_policy(SpendPolicyWrite(monthly_cap_usd=Decimal(9)))
        client.put_workload_identity(
            "pods",
            WorkloadIdentityWrite(
                issuer="https://old.example.com",
                audience="a",
                claims={"sub": "app"},
                allowed_models=["openai/gpt-oss-20b"],
            ),
        )
    stack = new_stack(gateway)
    use_reference_stack(stack)
    refused = stack.fails_up().output
    assert "set adopt_existing=True to take it over" in refused
    access = Path(stack.folder, "access.yaml")
    for field in (
        "    allowed_tools: [stored_responses]\n    keys",
        "  monthly_cap_usd",
        "    team: chatbot",
    ):
        indent = field[: len(field) - len(field.lstrip())]
        access.write_text(access.read_text().replace(field, f"{indent}adopt_existing: true\n{field}", 1))
    stack.up()
    with gateway.client() as client:
        (team,) = client.list_teams()
        identities = {each.name: each.issuer for each in client.list_workload_identities()}
        policy = client.get_spend_policy()
    assert team.allowed_models == ["openai/gpt-oss-20b"]
    assert identities["pods"] == "https://cluster.example.com"
    assert policy.monthly_cap_usd == 500
    assert {team.managed_by, policy.managed_by} == {"organization/infra/dev"}
