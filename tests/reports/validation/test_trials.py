"""Which calls prove a key, and what their answers mean."""

import json
from dataclasses import replace

import pytest

from pulumi_groq.reports.stack_export import StackState, read_stack
from pulumi_groq.reports.validation.checks import Outcome
from pulumi_groq.reports.validation.trials import Answers, Trial, TrialAnswer, trials, verdicts
from report_facts import CATALOGUE, KEY, KEY_ID, TYPES, live, live_key, team, urn

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
VALUE = "pgq_" + "a" * 48
A, B = "openai/gpt-oss-20b", "openai/gpt-oss-120b"
TRIAL = Trial("chatbot-prod", VALUE, frozenset({A}), A, B, works=True)
LISTED = TrialAnswer(200, models=frozenset({A}))


def stack(api_key: object) -> StackState:
    outputs = {**KEY, "key_id": KEY_ID, "lineage_id": KEY_ID, "api_key": api_key}
    key = {"urn": urn("GroqApiKey", "chatbot-prod"), "type": f"{TYPES}GroqApiKey", "outputs": outputs}
    return read_stack(json.dumps({"version": 3, "deployment": {"resources": [key]}}), "stack")


def shown() -> StackState:
    return stack({**SECRET, "plaintext": json.dumps(VALUE)})


def test_the_value_comes_from_an_export_with_its_secrets() -> None:
    """A shown secret is the key's value; it never appears in a representation."""
    (key,) = shown().keys
    assert key.value == VALUE
    assert VALUE not in repr(shown())
    assert VALUE not in repr(TRIAL)


@pytest.mark.parametrize("hidden", [{**SECRET, "ciphertext": "v1:x"}, None, {**SECRET, "plaintext": "null"}])
def test_a_key_without_a_value_is_skipped(hidden: object) -> None:
    """Where nobody has the value, the report says that the key was not tried."""
    planned, skipped = trials(stack(hidden), live(live_key()), CATALOGUE)
    assert planned == []
    assert [(each.subject, each.outcome) for each in skipped] == [("chatbot-prod", Outcome.SKIPPED)]


def test_models_are_chosen_for_little_cost() -> None:
    """The allowed model is the cheapest in service, the denied one the cheapest outside the lists."""
    key = live_key(allowed_models=["llama-3.1-8b-instant", B, A], team="t")
    ((trial,), _) = trials(shown(), live(key, teams=[team("t", "llama-3.1-8b-instant", A, B)]), CATALOGUE)
    assert trial.allowed == A
    assert trial.denied is not None
    assert trial.denied not in trial.models


def test_the_team_bounds_the_key() -> None:
    """The models in force are those of both lists."""
    ((trial,), _) = trials(
        shown(), live(live_key(allowed_models=[A, B], team="t"), teams=[team("t", B)]), CATALOGUE
    )
    assert (trial.models, trial.allowed) == (frozenset({B}), B)


SOUND = Answers(LISTED, TrialAnswer(200), TrialAnswer(403, "model_not_available"))


@pytest.mark.parametrize(
    ("trial", "answers", "outcomes"),
    [
        (TRIAL, SOUND, "ok ok ok"),
        (TRIAL, replace(SOUND, listed=TrialAnswer(200, models=frozenset({A, B}))), "mismatch ok ok"),
        (TRIAL, replace(SOUND, allowed=TrialAnswer(403, "model_not_available")), "ok mismatch ok"),
        (TRIAL, replace(SOUND, allowed=TrialAnswer(400, "other")), "ok mismatch ok"),
        (TRIAL, replace(SOUND, allowed=TrialAnswer(0, why="no answer")), "ok mismatch ok"),
        (TRIAL, replace(SOUND, denied=TrialAnswer(200)), "ok ok mismatch"),
        (TRIAL, replace(SOUND, denied=TrialAnswer(403)), "ok ok mismatch"),
        (TRIAL, Answers(TrialAnswer(401, "invalid_api_key")), "mismatch"),
        (replace(TRIAL, models=frozenset()), Answers(TrialAnswer(200)), "mismatch"),
        (replace(TRIAL, works=False), Answers(TrialAnswer(401, "invalid_api_key")), "ok"),
        (replace(TRIAL, works=False), Answers(LISTED), "mismatch"),
    ],
)
def test_what_answers_mean(trial: Trial, answers: Answers, outcomes: str) -> None:
    """A key holds where it may call its models and no other; at a limit it is neither proved nor refuted."""
    assert " ".join(check.outcome.value for check in verdicts(trial, answers)) == outcomes


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, None, "ok"),
        (429, "rate_limit_exceeded", "skipped"),
        (413, "rate_limit_exceeded", "skipped"),
        (400, "key_budget_exceeded", "skipped"),
        (400, "blocked_api_access", "skipped"),
        (400, "model_decommissioned", "skipped"),
        (404, "model_not_found", "skipped"),
        (403, "model_permission_blocked_org", "skipped"),
        (403, "model_permission_blocked_project", "skipped"),
        (403, "model_not_available", "mismatch"),
        (400, "model_not_priced", "mismatch"),
        (401, "invalid_api_key", "mismatch"),
        (413, "request_too_large", "mismatch"),
        (429, None, "mismatch"),
        (403, "key_budget_exceeded", "mismatch"),
        (404, "unknown_url", "mismatch"),
        (502, "upstream_key_rejected", "mismatch"),
        (503, "store_unavailable", "mismatch"),
    ],
)
def test_each_answer_to_an_allowed_call(status: int, code: str | None, outcome: str) -> None:
    """A limit, a budget, the cap and the upstream's refusal decide nothing; any other refusal is wrong."""
    _, served, _ = verdicts(TRIAL, replace(SOUND, allowed=TrialAnswer(status, code)))
    assert served.outcome.value == outcome


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, None),
        (400, "key_budget_exceeded"),
        (400, "blocked_api_access"),
        (400, "model_decommissioned"),
        (404, "model_not_found"),
        (413, "rate_limit_exceeded"),
        (429, "rate_limit_exceeded"),
        (403, "model_permission_blocked_org"),
    ],
)
def test_each_wrong_answer_to_a_denied_call(status: int, code: str | None) -> None:
    """The model is judged before limits, budget and upstream, so their answers show that it was not."""
    *_, denied = verdicts(TRIAL, replace(SOUND, denied=TrialAnswer(status, code)))
    assert denied.outcome.value == "mismatch"


def test_a_proxys_401_proves_no_refusal() -> None:
    """A disabled key is refused by the gateway's own code; another 401 may come from anything in front."""
    (refused,) = verdicts(replace(TRIAL, works=False), Answers(TrialAnswer(401)))
    assert refused.outcome.value == "mismatch"
