"""Declared against live: every kind of difference, and none where there is none."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pulumi_groq.access import read_access
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.stack_export import StackState, read_stack
from pulumi_groq.reports.validation.checks import Check, Outcome
from pulumi_groq.reports.validation.comparison import compared, policy
from report_facts import (
    GOLDEN,
    KEY,
    KEY_ID,
    OWNER,
    POLICY,
    TYPES,
    live,
    live_key,
    live_policy,
    recorded_live,
    team,
    urn,
)

OTHER_ID = "key_01000000000000000000000002"
ACCESS = b"""\
teams:
  chatbot:
    allowed_models: [openai/gpt-oss-20b]
    keys:
      chatbot-prod: {}
"""


def stack(
    *, key: dict[str, Any] | None = None, policy: dict[str, Any] | None = None, **teams: list[str]
) -> StackState:
    """An exported stack with the key of KEY, laid over by `key`; `{}` stands for the policy of POLICY."""
    outputs = {**KEY, "key_id": KEY_ID, "lineage_id": KEY_ID, "generation": 1, **(key or {})}
    found = [resource("GroqApiKey", "chatbot-prod", outputs)] if key is not None else []
    found += [
        resource("GroqTeam", name, {"team_name": name, "allowed_models": models})
        for name, models in teams.items()
    ]
    if policy is not None:
        found.append(resource("GroqSpendPolicy", "spend-policy", {**POLICY, **policy}))
    return read_stack(json.dumps({"version": 3, "deployment": {"resources": found}}), "stack.json")


def resource(kind: str, name: str, outputs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "urn": urn(kind, name),
        "type": TYPES + kind,
        "id": name,
        "custom": True,
        "inputs": outputs,
        "outputs": outputs,
        **fields,
    }


def differing(checks: tuple[Check, ...]) -> list[str]:
    return [f"{each.subject}: {each.detail}" for each in checks if each.outcome is Outcome.MISMATCH]


def test_a_real_stack_holds() -> None:
    """An exported stack and the gateway that it was made on agree, and everything is looked at."""
    state = read_stack((GOLDEN / "stack.export.json").read_text(), "stack")
    checks = compared(state, None, recorded_live("unchanged"))
    assert differing(checks) == []
    assert {(each.section, each.outcome) for each in checks} == {
        ("keys", Outcome.OK),
        ("teams", Outcome.OK),
        ("spending policy", Outcome.OK),
    }
    assert [each.subject for each in checks if each.check == "exists"] == [
        "batch-processor",
        "chatbot-prod",
        "pilot",
    ]


PAUSED = {"since": "2026-11-23T11:00:00Z", "spent_usd": 30, "allowed_usd": 5, "resumes_at": None}


def with_upstream_key(state: StackState, name: str) -> StackState:
    teams = tuple(team.model_copy(update={"upstream_key": name}) for team in state.teams)
    return replace(state, teams=teams)


CASES: dict[str, tuple[StackState, Live, list[str]]] = {
    "missing": (
        stack(key={}),
        live(),
        [f"chatbot-prod: missing: {KEY_ID} is not live"],
    ),
    "limit": (
        stack(key={"requests_per_day": 5}),
        live(live_key(requests_per_day=6)),
        [
            "chatbot-prod: changed: requests per day: declared 5 requests/day, live 6 requests/day",
            "chatbot-prod: requests per day: declared 5 requests/day, in force 6 requests/day",
        ],
    ),
    "limit set by hand": (
        stack(key={}),
        live(live_key(tokens_per_day=6)),
        ["chatbot-prod: changed: tokens per day: declared server default, live 6 tokens/day"],
    ),
    "paused": (
        stack(key={}),
        live(live_key(status="paused", paused=PAUSED)),
        [
            "chatbot-prod: paused since 2026-11-23 11:00 UTC: 30 USD in 10 minutes, where 5 USD are allowed",
        ],
    ),
    "guard": (
        stack(key={"runaway": {"times_usual": 10, "resume_after_minutes": 60}}),
        live(live_key(runaway={"spend_usd_per_10_min": 5, "action": "alert"})),
        [
            "chatbot-prod: changed: runaway guard: declared pauses above 10 times the usual in 10 minutes, "
            "goes on after 60 minutes, live alerts above 5 USD in 10 minutes"
        ],
    ),
    "disabled": (
        stack(key={}),
        live(live_key(status="disabled")),
        ["chatbot-prod: changed: disabled: declared no, live yes"],
    ),
    "models in another order": (
        stack(key={"allowed_models": ["a", "b"]}),
        live(live_key(allowed_models=["b", "a"])),
        [],
    ),
    "orphaned": (
        stack(key={}),
        live(live_key(), live_key(id=OTHER_ID, name="lost")),
        [f"lost ({OTHER_ID}): orphaned: it names this stack as its owner, and the stack does not hold it"],
    ),
    "unmanaged": (
        stack(key={}),
        live(live_key(), live_key(id=OTHER_ID, name="stray", managed_by=None)),
        [f"stray ({OTHER_ID}): unmanaged: no stack manages it"],
    ),
    "of another stack": (
        stack(key={}),
        live(live_key(), live_key(id=OTHER_ID, managed_by="organization/infra/prod")),
        [],
    ),
    "predecessor in its overlap": (
        stack(key={"key_id": OTHER_ID, "previous_key_id": KEY_ID}),
        live(live_key(), live_key(id=OTHER_ID, lineage_id=KEY_ID, generation=2)),
        [],
    ),
    "successor whose answer was lost": (
        stack(key={}),
        live(live_key(), live_key(id=OTHER_ID, lineage_id=KEY_ID, generation=2)),
        [],
    ),
    "team missing": (stack(t=["a"]), live(), ["t: missing"]),
    "team changed": (
        stack(t=["a"]),
        live(teams=[team("t", "a", "b")]),
        ["t: changed: models: declared a; live a, b"],
    ),
    "team's upstream key": (
        with_upstream_key(stack(t=["a"]), "research"),
        live(teams=[team("t", "a")]),
        ["t: changed: upstream key: declared research; live the gateway's default"],
    ),
    "policy missing": (stack(policy={}), live(), ["organisation: missing: no cap is in force"]),
    "policy changed": (
        stack(policy={}),
        live(policy=live_policy(monthly_cap_usd=900, auto_pause=False)),
        [
            "organisation: changed: monthly cap: declared 500 USD a month, live 900 USD a month; "
            "auto-pause: declared on (requests are refused at the cap), live off (the cap only alerts)"
        ],
    ),
    "policy of another stack": (stack(), live(policy=live_policy()), []),
    "signing lost": (
        stack(policy={"alert_webhook_signing_secret": "[secret]"}),
        live(policy=live_policy()),
        ["organisation: changed: alerts are declared to be signed and are not"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_stack_against_live(case: str) -> None:
    """What differs between the stack and the gateway is named, with both values and their units."""
    state, facts, expected = CASES[case]
    assert differing(compared(state, None, facts)) == expected


OTHER_STACK = "organization/infra/prod"


@pytest.mark.parametrize("owner", [OWNER, None, OTHER_STACK])
def test_what_another_stack_took_over_is_told(owner: str | None) -> None:
    """A team or policy that this stack declares and another one owns is a mismatch, equal as it may be."""
    taken = team("chatbot", "openai/gpt-oss-20b").model_copy(update={"managed_by": owner})
    facts = live(
        live_key(team="chatbot"), teams=[taken], policy=live_policy().model_copy(update={"managed_by": owner})
    )
    state = stack(key={"team": "chatbot"}, policy={}, chatbot=["openai/gpt-oss-20b"])
    told = f"taken over: {OTHER_STACK} owns it, this stack ({OWNER}) declares it too"
    expected = [f"chatbot: {told}", f"organisation: {told}"] if owner == OTHER_STACK else []
    assert differing(compared(state, None, facts)) == expected


def test_unmanaged_keys_can_be_allowed() -> None:
    """Where people make keys by hand, that need not be a mismatch."""
    facts = live(live_key(), live_key(id=OTHER_ID, managed_by=None))
    assert differing(compared(stack(key={}), None, facts, allow_unmanaged=True)) == []


FILE_CASES: dict[str, tuple[StackState | None, Live, list[str]]] = {
    "deployed": (
        stack(key={"team": "chatbot"}, chatbot=["openai/gpt-oss-20b"]),
        live(live_key(team="chatbot"), teams=[team("chatbot", "openai/gpt-oss-20b")]),
        [],
    ),
    "deployed, without a stack": (
        None,
        live(live_key(team="chatbot"), teams=[team("chatbot", "openai/gpt-oss-20b")]),
        [],
    ),
    "not deployed": (
        stack(),
        live(teams=[team("chatbot", "openai/gpt-oss-20b")]),
        ["chatbot-prod: missing: line 5 is not deployed"],
    ),
    "not yet changed": (
        stack(key={"team": "chatbot", "requests_per_day": 5}),
        live(live_key(team="chatbot", requests_per_day=5), teams=[team("chatbot", "openai/gpt-oss-20b")]),
        ["chatbot-prod: changed: requests per day: declared server default, live 5 requests/day"],
    ),
    "taken out of the file": (
        stack(key={"name": "old", "team": "chatbot"}),
        live(live_key(name="old", team="chatbot"), teams=[team("chatbot", "openai/gpt-oss-20b")]),
        ["chatbot-prod: missing: line 5 is not deployed", "old: in the stack, but not in the access file"],
    ),
    "without its team": (
        None,
        live(live_key(team="chatbot")),
        ["chatbot: missing"],
    ),
}


@pytest.mark.parametrize("case", FILE_CASES)
def test_access_file_against_live(case: str) -> None:
    """What the access file declares and the gateway does not have is named, with a stack or without."""
    state, facts, expected = FILE_CASES[case]
    assert differing(compared(state, read_access(ACCESS, "access.yaml"), facts)) == expected


def test_only_what_the_stack_owns_is_read() -> None:
    """A key that is only looked up by id, or about to be deleted, is not the stack's."""
    read = resource("GroqApiKey", "looked-up", {**KEY, "key_id": KEY_ID}, external=True)
    going = resource("GroqApiKey", "going", {**KEY, "key_id": OTHER_ID}, delete=True)
    document = {"version": 3, "deployment": {"resources": [read, going]}}
    assert read_stack(json.dumps(document), "stack").keys == ()


def test_a_stack_knows_its_address() -> None:
    """Project and stack come from the resources, the owner's address from the keys."""
    state = stack(key={})
    assert (state.project, state.stack, state.managed_by) == ("infra", "dev", OWNER)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 3, "deployment": {"resources": 5}}'])
def test_what_is_no_export_is_one_line(text: str) -> None:
    """A wrong file is named, with what to give instead."""
    with pytest.raises(ConfigurationError, match=r"^state\.json holds no stack: give the output of"):
        read_stack(text, "state.json")


def test_an_empty_stack_holds_nothing() -> None:
    """A stack that was destroyed has nothing to compare."""
    state = read_stack('{"version": 3, "deployment": {}}', "stack")
    assert compared(state, None, live()) == ()


@pytest.mark.parametrize(("spent_usd", "shown"), [(0, "(0 %)"), (0.003, "(<1 %)"), (250, "(50 %)")])
def test_the_share_that_is_spent_is_shown_as_everywhere(spent_usd: float, shown: str) -> None:
    """What is spent is never shown as nothing."""
    declared = read_access(b"spend_policy: {monthly_cap_usd: 500}", "access.yaml")
    facts = live(policy=live_policy(spent_usd, monthly_cap_usd=500, alert_thresholds_usd=[]))
    (check,) = policy(None, declared, facts)
    assert shown in check.detail
