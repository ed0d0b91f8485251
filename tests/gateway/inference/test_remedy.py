"""Refusals that can be acted on: what is spent, what is reserved, and the largest request that passes."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.inference.call_fields import READERS
from pulumi_groq.gateway.inference.charge import CostEstimate
from pulumi_groq.gateway.inference.denials import remedy_of
from pulumi_groq.policy.estimate import images_of
from pulumi_groq.policy.limits import Allowance

CHAT, SPEECH, AUDIO = "openai/gpt-oss-20b", "canopylabs/orpheus-v1-english", "whisper-large-v3-turbo"
AT_MOST = re.compile(r"Set ([a-z_ ]+) to at most (\d+)")


def estimate_of(route: str, body: dict[str, Any]) -> CostEstimate:
    sent = json.dumps(body).encode()
    model = Catalogue.load().get(body["model"])
    assert model is not None
    return CostEstimate.of_json(model, READERS[route](body), images_of(body), len(sent))


def cost(route: str, body: dict[str, Any]) -> int:
    return estimate_of(route, body).demand.cost_micro_usd


@settings(max_examples=200)
@given(
    asked=st.fixed_dictionaries(
        {}, optional={name: st.integers(1, 200_000) for name in ("max_tokens", "max_completion_tokens")}
    ),
    choices=st.integers(1, 4),
    prompt=st.integers(0, 3000),
    allowance=st.integers(0, 80_000),
)
def test_the_largest_output_named_passes_and_one_token_more_does_not(
    asked: dict[str, int], choices: int, prompt: int, allowance: int
) -> None:
    """The figure is exact by the same arithmetic that admits, the field's own bytes in it."""
    body = {"model": CHAT, "n": choices, "messages": [{"role": "user", "content": "x" * prompt}], **asked}
    estimate = estimate_of("chat/completions", body)
    if estimate.demand.cost_micro_usd <= allowance:
        return
    remedy = remedy_of(estimate, Allowance(allowance, allowance, None))
    found = AT_MOST.match(remedy)
    names = found[1].split(" and ") if found else list(asked) or ["max_completion_tokens"]
    limit = int(found[2]) if found else 0

    def at(tokens: int) -> int:
        return cost("chat/completions", body | dict.fromkeys(names, tokens))

    if found:
        assert at(limit) <= allowance
    else:
        assert remedy.startswith("Not even 1 token of output is admitted: send a shorter prompt")
    assert at(limit + 1) > allowance


@pytest.mark.parametrize(
    ("route", "body", "named"),
    [
        ("chat/completions", {}, "max_completion_tokens"),
        ("chat/completions", {"stream": True}, "max_completion_tokens"),
        ("chat/completions", {"max_tokens": 5000}, "max_tokens"),
        ("chat/completions", {"max_tokens": 5000, "max_completion_tokens": 1}, "max_tokens"),
        ("responses", {"input": "hi"}, "max_output_tokens"),
        ("responses", {"input": "hi", "max_output_tokens": 9000, "stream": True}, "max_output_tokens"),
    ],
)
def test_the_field_is_the_one_that_the_request_would_be_held_to(
    route: str, body: dict[str, Any], named: str
) -> None:
    """Setting another one would change nothing."""
    remedy = remedy_of(estimate_of(route, {"model": CHAT, **body}), Allowance(1000, 1000, None))

    found = AT_MOST.match(remedy)
    assert found is not None
    assert found[1] == named


def test_a_speech_is_told_how_much_text_passes() -> None:
    """By characters, which is what it is priced by."""
    body = {"model": SPEECH, "input": "x" * 200}
    whole = cost("audio/speech", body)
    remedy = remedy_of(estimate_of("audio/speech", body), Allowance(whole // 2, whole // 2, None))

    found = re.match(r"Send an input of at most (\d+) characters", remedy)
    assert found is not None
    assert cost("audio/speech", body | {"input": "x" * int(found[1])}) <= whole // 2
    assert cost("audio/speech", body | {"input": "x" * (int(found[1]) + 1)}) > whole // 2


def test_audio_is_told_how_long_it_may_be() -> None:
    """In seconds; below the shortest that is charged nothing passes."""
    model = Catalogue.load().get(AUDIO)
    assert model is not None
    hour = CostEstimate.of_audio(model, 3_600_000)
    half = hour.demand.cost_micro_usd // 2

    found = re.match(r"Send audio of at most ([0-9.]+) s", remedy_of(hour, Allowance(half, half, None)))
    assert found is not None
    longest_ms = round(float(found[1]) * 1000)
    assert CostEstimate.of_audio(model, longest_ms).demand.cost_micro_usd <= half
    assert CostEstimate.of_audio(model, longest_ms + 1).demand.cost_micro_usd > half
    assert remedy_of(hour, Allowance(1, 1, None)).startswith("Not even the shortest audio is admitted")


def test_what_only_waits_for_others_is_told_so() -> None:
    """Nothing smaller passes now, and the request as it is will."""
    estimate = estimate_of("responses", {"model": CHAT, "input": "hi", "max_output_tokens": 10})
    later = estimate.demand.cost_micro_usd

    assert remedy_of(estimate, Allowance(0, later, None)) == (
        "It is admitted as it is once enough of them are over."
    )
    assert remedy_of(estimate, Allowance(0, later - 1, None)).endswith("once the running requests are over.")


def test_no_output_is_named_that_the_token_limit_could_never_hold() -> None:
    """Else the answer to it would be 413."""
    estimate = estimate_of("chat/completions", {"model": CHAT})
    found = AT_MOST.match(remedy_of(estimate, Allowance(4000, 4000, 500)))

    assert found is not None
    assert estimate_of("chat/completions", {"model": CHAT, found[1]: int(found[2])}).demand.tokens <= 500
