"""policy.yaml on the real engine: the program, the review and the policy pack refuse the same things."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_engine import NATIVE

pytestmark = pytest.mark.engine

STACKS = Path(__file__).parents[2] / "stacks"

ACCESS = """\
teams:
  chatbot:
    allowed_models: [openai/gpt-oss-20b, openai/gpt-oss-120b]
    allowed_tools: [browser_search]
    keys:
      good:
        allowed_models: [openai/gpt-oss-20b]
        allowed_tools: []
        requests_per_minute: 100
        monthly_budget_usd: 10
        metadata: {owner: dana}
        rotation: {every_days: 30}
        expires_at: 2034-01-01T00:00:00Z
      bad:
        requests_per_minute: unlimited
        rotation: {every_days: 365}
      late:
        allowed_models: [openai/gpt-oss-20b]
        allowed_tools: []
spend_policy:
  monthly_cap_usd: 5000
  auto_pause: false
"""
STOPS = r"^ *(?:error: )?(?!warning)([\w-]+): .*\(policy\.yaml, rule (\w+): r\)$"
EVERY_DAY = "[monday, tuesday, wednesday, thursday, friday, saturday, sunday]"
POLICY = f"""\
rules:
  rpm: {{check: limit_at_most, limit: requests_per_minute, at_most: 100, reason: r}}
  models: {{check: models_approved, models: [openai/gpt-oss-20b], reason: r}}
  tools: {{check: tools_approved, tools: [], reason: r}}
  owner: {{check: labels_required, labels: [owner], reason: r}}
  budget:
    check: budget_required
    reason: r
    waivers: [{{resource: late, until: 2999-01-01T00:00:00Z, by: Dana, why: Trial}}]
  rotation: {{check: rotation_required, every_days_at_most: 90, reason: r}}
  expiry: {{check: expiry_required, within_days: 3650, reason: r, severity: low}}
  cap: {{check: spend_policy_at_most, monthly_cap_usd: 1000, reason: r}}
  quiet: {{check: no_widening, weekdays: {EVERY_DAY}, reason: r}}
"""
EXPECTED = {
    *(("rpm", name) for name in ("bad", "late")),
    *(("models", name) for name in ("bad", "chatbot")),
    *(("tools", name) for name in ("bad", "chatbot")),
    *(("owner", name) for name in ("bad", "late")),
    ("budget", "bad"),
    *(("rotation", name) for name in ("bad", "late")),
    ("cap", "spend-policy"),
    *(("quiet", name) for name in ("good", "bad", "late", "chatbot", "spend-policy")),
}
"""Rule and resource of each violation that stops the run."""


@pytest.fixture
def judged(stack: Any) -> Any:
    """A reference stack that breaks every rule; the rules lie where only what names them reads them."""
    _use_reference_program(stack)
    shutil.copytree(STACKS / "policy-pack", stack.folder / "policy" / "policy-pack")
    (stack.folder / "policy" / "policy.yaml").write_text(POLICY)
    return stack


def _use_reference_program(stack: Any) -> None:
    for name in ("__main__.py", "groq_access.py"):
        shutil.copy(STACKS / name, stack.folder)
    (stack.folder / "access.yaml").write_text(ACCESS)


def _by_program(stack: Any) -> set[tuple[str, str]]:
    run = stack.pulumi("config", "set", "groq:policyFile", "policy/policy.yaml", "--stack", stack.name)
    assert run.code == 0, run.output
    run = stack.preview()
    assert run.code != 0
    assert "waived: late: has no monthly_budget_usd; waived by Dana until 2999-01-01" in run.output
    stack.pulumi("config", "rm", "groq:policyFile", "--stack", stack.name)
    stopping = re.findall(STOPS, run.output, re.MULTILINE)
    assert ("good", "expiry") not in stopping
    return {(rule, resource) for resource, rule in stopping}


def _by_pack(stack: Any, command: str = "preview") -> set[tuple[str, str]]:
    pack = stack.folder / "policy" / "policy-pack" / "run.sh"
    arguments = ("--yes", "--skip-preview") if command == "up" else ()
    run = stack.pulumi(command, *arguments, "--policy-pack", str(pack), "--stack", stack.name)
    assert run.code != 0, run.output
    assert command == "up" or "waived by Dana" in run.output
    found = re.findall(r"\[mandatory\] \[severity: high\] +(\w+) +\(\S+ ([\w-]+)\)", run.output)
    assert found, run.output
    return set(found)


def _by_review(stack: Any) -> set[tuple[str, str]]:
    planned = stack.pulumi("preview", "--json", "--stack", stack.name)
    assert planned.code == 0, planned.output
    (stack.folder / "plan.json").write_text(planned.printed)
    done = subprocess.run(
        [
            *(str(Path(sys.prefix, "bin", "pulumi-groq")), "review", "plan.json", "--offline"),
            *("--policy", "policy/policy.yaml", "--output", "json"),
        ],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    return {
        (each["rule"].removeprefix("policy:"), each["resource"])
        for each in json.loads(done.stdout)["findings"]
        if each["rule"].startswith("policy:") and each["severity"] == "high"
    }


def test_three_places_refuse_the_same(judged: Any) -> None:
    """The program at preview, the review of the plan and the pack name the same rules and resources."""
    assert _by_program(judged) == _by_review(judged) == _by_pack(judged) == EXPECTED


def test_the_pack_stops_a_run_before_anything_exists(judged: Any, gateway: Any) -> None:
    """`up` with the pack and no preview creates no key that breaks a rule of high severity."""
    _by_pack(judged, "up")
    with gateway.client() as client:
        assert "bad" not in {key.name for key in client.snapshot().keys.values()}


def test_the_pack_judges_the_plugin_s_resources(judged: Any) -> None:
    """The native plugin's camelCase inputs are judged like the dynamic resources'."""
    judged.use(NATIVE)
    _use_reference_program(judged)
    run = judged.pulumi("config", "set", "groq:plugin", "true", "--stack", judged.name)
    assert run.code == 0, run.output
    assert _by_pack(judged) == EXPECTED
