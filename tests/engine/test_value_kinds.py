"""Every argument of every resource as each kind of value that the engine knows, on the real engine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from pydantic import BaseModel

from local_engine import BOTH_PACKAGES, NATIVE, WITHOUT_CHECKPOINTS, Gateway, Stack, start_gateway
from pulumi_groq.lifecycle.admin_key import AdminKeyArgs
from pulumi_groq.lifecycle.key_state import ApiKeyArgs
from pulumi_groq.lifecycle.spend_policy import SpendPolicyArgs
from pulumi_groq.lifecycle.team import TeamArgs
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityArgs
from pulumi_groq.models.admin_key import AdminKeyCreate
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.spelling import camel

pytestmark = pytest.mark.engine

PROGRAM: Final = '''\
"""Declares what cases.json holds, each with one value wrapped as the case says."""

import json
from pathlib import Path

import pulumi

import {package} as groq

cases = json.loads((Path(__file__).parent / "cases.json").read_text())
anchor = groq.GroqTeam("anchor", allowed_models=cases["anchor"])
WRAPPED = {
    "known": lambda value: value,
    "output": pulumi.Output.from_input,
    "unknown": lambda value: anchor.created_at.apply(lambda _: value),
    "secret": pulumi.Output.secret,
    "secret and unknown": lambda value: pulumi.Output.secret(anchor.created_at.apply(lambda _: value)),
}


def wrapped(value, path, kind):
    if not path:
        return WRAPPED[kind](value)
    copy = value.copy()
    copy[path[0]] = wrapped(value[path[0]], path[1:], kind)
    return copy


for case in cases["cases"]:
    declare = getattr(groq, case["resource"])
    arguments = wrapped(case["arguments"], case["path"], case["kind"])
    declare(case["name"], **arguments, opts=pulumi.ResourceOptions(depends_on=[anchor]))
'''

MODELS: Final = ["openai/gpt-oss-120b", "openai/gpt-oss-20b"]
KINDS: Final = ("known", "output", "unknown", "secret", "secret and unknown")
PLACE: Final = {"managed_by", "declared_as"}  # where a resource is declared: no argument of the program
ARGS: Final[dict[str, type[BaseModel]]] = {
    "GroqApiKey": ApiKeyArgs,
    "GroqTeam": TeamArgs,
    "GroqSpendPolicy": SpendPolicyArgs,
    "GroqAdminKey": AdminKeyArgs,
    "GroqWorkloadIdentity": WorkloadIdentityArgs,
}
UPSTREAM_KEY: Final = "research"
TRUST: Final = {"issuer": "https://issuer.example.com", "audience": "groq", "claims": {"sub": "job"}}
NEEDED: Final[dict[str, dict[str, Any]]] = {
    "GroqApiKey": {"allowed_models": MODELS[:1]},
    "GroqTeam": {"allowed_models": MODELS[:1]},
    "GroqSpendPolicy": {"monthly_cap_usd": 50, "adopt_existing": True},
    "GroqAdminKey": {"role": "viewer"},
    "GroqWorkloadIdentity": {**TRUST, "allowed_models": MODELS[:1]},
}
NEEDED_FOR_A_ROLE: Final = {**TRUST, "admin_role": "viewer"}
LIMITS: Final = {
    "requests_per_minute": 5,
    "tokens_per_minute": "unlimited",
    "requests_per_day": 500,
    "tokens_per_day": 5000,
    "max_parallel_requests": 20,
}
RUNAWAY: Final = {
    "spend_usd_per_10_min": 2.5,
    "times_usual": 5,
    "action": "pause_key",
    "resume_after_minutes": 60,
}
MODEL_LIMITS: Final = {"openai/gpt-oss-120b": {"requests_per_minute": 3, "budget_usd": 0.5}}
BUDGETS: Final = [{"usd": 0.25, "per": "hour"}, {"usd": 1.5, "per": "day"}]
ROTATION: Final = {
    "every_days": 30,
    "trigger": "first",
    "emergency_trigger": "none yet",
    "overlap_hours": 12,
    "quiet_hours": 6,
    "freeze_windows": [{"start": "2040-01-01T00:00:00Z", "end": "2040-01-02T00:00:00Z"}],
}
OWN: Final = {"name", "team_name", "identity_name", "adopt_key_id"}  # no two resources share the value
VALUES: Final[dict[str, dict[str, Any]]] = {
    "GroqApiKey": {
        "allowed_models": MODELS,
        "allowed_tools": ["mcp:docs.example.com", "stored_responses"],
        "name": "key-{}",
        **LIMITS,
        "monthly_budget_usd": 1.25,
        "expires_at": "2040-01-01T01:00:00+01:00",
        "team": "anchor",
        "metadata": {"owner": "platform", "ticket": "OPS-1"},
        "disabled": True,
        "rotation": ROTATION,
        "adopt_key_id": "",  # made by the test
        "allow_delete_in_use": True,
        "runaway": RUNAWAY,
        "share": 3,
        "model_limits": MODEL_LIMITS,
        "budgets": BUDGETS,
    },
    "GroqTeam": {
        "allowed_models": MODELS,
        "allowed_tools": ["mcp:docs.example.com", "stored_responses"],
        "team_name": "team-{}",
        "upstream_key": UPSTREAM_KEY,
        **LIMITS,
        "monthly_budget_usd": 1.25,
        "budgets": BUDGETS,
        "adopt_existing": True,
    },
    "GroqSpendPolicy": {
        "monthly_cap_usd": 60.5,
        "alert_thresholds_usd": [10, 20.25],
        "auto_pause": False,
        "alert_webhook_urls": ["https://hooks.example.com/one", "https://hooks.example.com/two"],
        "alert_webhook_signing_secret": "sixteen-characters-and-more",
        "budgets": BUDGETS,
        "adopt_existing": True,
    },
    "GroqAdminKey": {
        "role": "billing",
        "teams": ["anchor", "other"],
        "expires_at": "2040-01-01T01:00:00+01:00",
        "name": "admin-key-{}",
        "rotation": ROTATION,
        "adopt_key_id": "",  # made by the test
    },
    "GroqWorkloadIdentity": {
        "issuer": "https://issuer.example.com/other",
        "audience": "https://groq.example.com",
        "claims": {"sub": "job", "environment": "prod"},
        "claim_patterns": {"ref": "refs/heads/*"},
        "credential_minutes": 30,
        "admin_role": "auditor",
        "role_teams": ["anchor"],
        "allowed_models": MODELS,
        "allowed_tools": ["mcp:docs.example.com", "stored_responses"],
        "team": "anchor",
        **LIMITS,
        "monthly_budget_usd": 1.25,
        "budgets": BUDGETS,
        "model_limits": MODEL_LIMITS,
        "runaway": RUNAWAY,
        "share": 3,
        "identity_name": "identity-{}",
        "adopt_existing": True,
    },
}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with an upstream key that teams may name."""
    key = tmp_path / "upstream.key"
    key.write_text("gsk-of-the-test")
    gateway = start_gateway(tmp_path / "gateway.db", "--upstream-key", f"{UPSTREAM_KEY}=file:{key}")
    yield gateway
    gateway.stop()


class Case(NamedTuple):
    """One resource: the value at `path` of its arguments is wrapped as `kind`."""

    resource: str
    name: str
    arguments: dict[str, Any]
    path: list[str | int]
    kind: str


def leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The paths of what `value` holds at any depth, `value` itself left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from leaves(item, (*path, key))


def needed(resource: str, argument: str) -> dict[str, Any]:
    """What is declared beside `argument`, or as it: many policies stand side by side only as adopted."""
    return NEEDED_FOR_A_ROLE if argument in {"admin_role", "role_teams"} else NEEDED[resource]


def all_cases() -> list[Case]:
    """Every argument x every kind, whole and at each place inside; what can be left out as null too."""
    cases: list[Case] = []
    for resource, values in VALUES.items():
        for argument, value in values.items():
            given = [(value, (argument,)), *((value, path) for path in leaves(value, (argument,)))]
            if not (
                ARGS[resource].model_fields[argument].is_required() or argument in needed(resource, argument)
            ):
                given.append((None, (argument,)))
            for (each, path), kind in ((each, kind) for each in given for kind in KINDS):
                name = f"{resource.lower()}-{len(cases)}"
                own = each.format(len(cases)) if argument in OWN and each else each
                arguments = {**needed(resource, argument), argument: own}
                cases.append(Case(resource, name, arguments, list(path), kind))
    return cases


@pytest.mark.parametrize("resource", sorted(ARGS))
def test_every_argument_stands_in_the_matrix(resource: str) -> None:
    """A new argument needs a row, or nobody knows what an unknown value of it does."""
    assert set(VALUES[resource]) == set(ARGS[resource].model_fields) - PLACE


def plain(value: Any) -> Any:
    """A value of an export in clear, its secrets unwrapped at every depth."""
    if isinstance(value, dict):
        if "plaintext" in value:
            return json.loads(value["plaintext"])
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def outputs(stack: Stack) -> dict[str, dict[str, Any]]:
    """What the state holds of each resource, by name, in clear."""
    run = stack.pulumi("stack", "export", "--show-secrets", "--stack", stack.name)
    resources = json.loads(run.printed)["deployment"]["resources"]
    return {each["urn"].rpartition("::")[2]: plain(each.get("outputs", {})) for each in resources}


def declare(stack: Stack, cases: list[Case], anchor: list[str]) -> None:
    """Write the program's cases; other models of the anchor make all that hangs on it unknown again."""
    (stack.folder / "__main__.py").write_text(PROGRAM.replace("{package}", stack.package))
    listed = {"anchor": anchor, "cases": [case._asdict() for case in cases]}
    (stack.folder / "cases.json").write_text(json.dumps(listed))


def adoptable(gateway: Gateway, cases: list[Case]) -> list[Case]:
    """`cases` with a key to adopt made for each that adopts one."""
    with gateway.client() as client:
        for case in cases:
            if case.arguments.get("adopt_key_id") == "" and case.resource == "GroqAdminKey":
                admin_key = client.create_admin_key(AdminKeyCreate(name=case.name, role="viewer"), case.name)
                case.arguments["adopt_key_id"] = admin_key.key.id
            elif case.arguments.get("adopt_key_id") == "":
                body = ApiKeyCreate(name=case.name, allowed_models=MODELS[:1])
                case.arguments["adopt_key_id"] = client.create_key(body, case.name).key.id
    return cases


@pytest.mark.timeout(900)  # hundreds of resources, four runs
@BOTH_PACKAGES
def test_every_argument_as_every_kind_of_value(gateway: Gateway, stack: Stack) -> None:
    """First preview, up, the preview after a dependency changed, and its up: no failure, no difference.

    Whatever kind of value the program hands over, what is deployed is what the plain value deploys.
    """
    stack.environment |= WITHOUT_CHECKPOINTS
    cases = adoptable(gateway, all_cases())
    declare(stack, cases, MODELS)
    preview = stack.preview()
    assert preview.code == 0, preview.output
    assert f"+ {len(cases) + 2} to create" in preview.output
    deployed = stack.pulumi("up", "--yes", "--skip-preview", "--stack", stack.name)
    assert deployed.code == 0, deployed.output
    first = outputs(stack)
    spelled = camel if stack.package == NATIVE else str
    expected: dict[tuple[str, str], Any] = {}
    for case in cases:
        argument = str(case.path[0])
        if argument not in OWN:
            means = (argument, json.dumps(case.arguments[argument]))
            held = first[case.name].get(spelled(argument))
            assert held == expected.setdefault(means, held), case
    declare(stack, cases, MODELS[:1])
    changed = stack.preview()
    assert changed.code == 0, changed.output
    updated = stack.pulumi("up", "--yes", "--skip-preview", "--stack", stack.name)
    assert updated.code == 0, updated.output
    assert "1 updated" in updated.output  # the anchor alone: known again, nothing else differs
    second = outputs(stack)
    for case in cases:
        assert second[case.name] == first[case.name], case
