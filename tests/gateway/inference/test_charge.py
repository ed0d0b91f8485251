"""What a request is charged, whatever its answer says."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.catalogue import Catalogue, Prices
from pulumi_groq.gateway.inference.charge import (
    AudioUsage,
    Charge,
    CostEstimate,
    TokenUsage,
    audio_of,
    stated_by,
    usage_of,
)
from pulumi_groq.gateway.inference.sse import SseUsageScanner

CATALOGUE = Catalogue.load()
GPT, WHISPER = CATALOGUE.get("openai/gpt-oss-20b"), CATALOGUE.get("whisper-large-v3-turbo")
assert GPT is not None
assert WHISPER is not None
OF_CHAT = CostEstimate(GPT, 100, 300, 50, 200)
OF_AUDIO = CostEstimate.of_audio(WHISPER, 60_000)
ORPHEUS = CATALOGUE.get("canopylabs/orpheus-v1-english")
assert ORPHEUS is not None
EMBEDDING = replace(
    GPT, id="acme/embed", kind="embedding", prices=Prices(priced_on=date(2026, 11, 1), input_token=50_000)
)
OF_EVERY_KIND = (
    OF_CHAT,
    OF_AUDIO,
    CostEstimate(ORPHEUS, 100, 300, characters=50),
    CostEstimate(EMBEDDING, 100, 300),
)

numbers = st.one_of(
    st.integers(), st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none(), st.text()
)
fields = st.dictionaries(
    st.sampled_from(["prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "seconds"]),
    numbers,
)
usages = st.one_of(fields, numbers, st.lists(numbers))


def charged(estimate: CostEstimate, answer: Any) -> int:
    charge = Charge(estimate, estimate.demand.cost_micro_usd, "req_1")
    document = json.dumps(answer).encode()
    charge.stated(document)
    assert charge.consumption is not None
    return charge.consumption.cost_micro_usd


@given(usage=usages, details=usages, place=st.sampled_from(["usage", "x_groq", "response"]))
def test_no_answer_costs_more_than_was_reserved(usage: Any, details: Any, place: str) -> None:
    """Nor less than nothing, whatever stands where a usage may stand."""
    if isinstance(usage, dict):
        usage = usage | {"prompt_tokens_details": details}
    answer = {"usage": usage} if place == "usage" else {place: {"usage": usage}}
    assert 0 <= charged(OF_CHAT, answer) <= OF_CHAT.demand.cost_micro_usd


NAMES = [
    "usage",
    "x_groq",
    "response",
    "duration",
    "seconds",
    "prompt_tokens",
    "input_tokens",
    "completion_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "input_tokens_details",
    "cached_tokens",
]
documents = st.recursive(
    st.one_of(numbers, st.integers(0, 400)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(NAMES), inner)),
)
LARGEST_STORED = 2**63 - 1


@pytest.mark.parametrize("estimate", OF_EVERY_KIND, ids=lambda estimate: estimate.model.kind)
@given(answer=documents, streamed=st.booleans())
def test_no_json_is_charged_beyond_the_reservation_on_any_route(
    estimate: CostEstimate, answer: Any, *, streamed: bool
) -> None:
    """Whatever JSON is answered, whole or as an event: no failure, nothing that the ledger cannot hold."""
    charge = Charge(estimate, estimate.demand.cost_micro_usd, "req_1")
    document = json.dumps(answer).encode()
    if streamed:
        relay = SseUsageScanner(hide_usage=True)
        relay.feed(b"data: " + document + b"\n\ndata: [DONE]\n\n")
        charge.stated(relay.stating_event)
    else:
        charge.stated(document)
    assert charge.consumption is not None
    assert 0 <= charge.consumption.cost_micro_usd <= estimate.demand.cost_micro_usd
    assert all(0 <= number <= LARGEST_STORED for number in charge.consumption)
    assert charge.consumption.cached_tokens <= charge.consumption.prompt_tokens


@given(duration=numbers, usage=usages)
def test_no_audio_costs_more_than_was_reserved(duration: Any, usage: Any) -> None:
    """Nor less than the shortest that is billed."""
    least = OF_AUDIO._replace(audio_ms=1).demand.cost_micro_usd
    assert (
        least <= charged(OF_AUDIO, {"duration": duration, "usage": usage}) <= OF_AUDIO.demand.cost_micro_usd
    )


@given(seen=st.integers(0, 10**12))
def test_what_is_seen_passing_by_costs_at_most_the_reservation(seen: int) -> None:
    """A stream of frames without end is charged as reserved, broken off or not."""
    for end in (Charge.counted, Charge.as_reserved):
        charge = Charge(OF_CHAT, OF_CHAT.demand.cost_micro_usd, "req_1")
        end(charge, seen)
        assert charge.consumption is not None
        assert charge.consumption.cost_micro_usd <= OF_CHAT.demand.cost_micro_usd
        assert charge.consumption.completion_tokens <= OF_CHAT.largest_completion_tokens


def test_the_bounds_themselves_are_believed() -> None:
    """All that was reserved can have been used, and no token more."""
    assert OF_CHAT.can_cause(TokenUsage(300, 0, 200))
    assert not OF_CHAT.can_cause(TokenUsage(301, 0, 200))
    assert not OF_CHAT.can_cause(TokenUsage(300, 0, 201))
    assert OF_CHAT.can_cause(TokenUsage(1, 0, 0))
    assert not OF_CHAT.can_cause(TokenUsage(0, 0, 0))  # as servers state it that do not count
    assert OF_AUDIO.can_cause(AudioUsage(60_000))
    assert not OF_AUDIO.can_cause(AudioUsage(60_001))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"usage": {"prompt_tokens": 7, "completion_tokens": 3}}, TokenUsage(7, 0, 3)),
        (
            {"usage": None, "x_groq": {"usage": {"prompt_tokens": 7, "completion_tokens": 3}}},
            TokenUsage(7, 0, 3),
        ),
        ({"response": {"usage": {"input_tokens": 7, "output_tokens": 3}}}, TokenUsage(7, 0, 3)),
        (
            {"usage": {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}}},
            TokenUsage(7, 2, 3),
        ),
        (
            {
                "usage": {
                    "prompt_tokens": 7,
                    "completion_tokens": 3,
                    "prompt_tokens_details": {"cached_tokens": None},
                }
            },
            TokenUsage(7, 0, 3),
        ),
        ({"usage": {"prompt_tokens": 7, "total_tokens": 7}}, TokenUsage(7, 0, None)),
        (
            {
                "usage": {"prompt_tokens": 7, "completion_tokens": 3},
                "x_groq": {
                    "usage": {
                        "prompt_tokens": 9,
                        "completion_tokens": 2,
                        "prompt_tokens_details": {"cached_tokens": 5},
                    }
                },
            },
            TokenUsage(9, 0, 3),
        ),
        ({"usage": None}, None),
        ({"choices": []}, None),
        ([], None),
    ],
)
def test_usage_is_read_in_every_spelling(answer: Any, expected: TokenUsage | None) -> None:
    """Top level, x_groq and response; the names of chat and of responses; of several the dearest; no usage
    where there is none.
    """
    assert usage_of(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected_ms"),
    [
        ({"duration": 3.0004}, 3001),
        ({"duration": 32.13}, 32_130),
        ({"usage": {"seconds": 16.1}}, 16_100),
        ({"duration": 1e-300}, 1),
        ({"usage": {"type": "duration", "seconds": 3}}, 3000),
        ({"type": "transcript.text.done", "x_groq": {"usage": {"seconds": 3}}}, 3000),
        ({"duration": 3, "usage": {"seconds": 4}}, 4000),
        ({"duration": 1e308}, 10**18),
        ({"duration": 10**400}, 10**18),
        ({"usage": {"prompt_tokens": 5}}, None),
        ({"text": "hi"}, None),
    ],
)
def test_a_length_is_read_wherever_it_is_stated(answer: Any, expected_ms: int | None) -> None:
    """In whole answers and events of a stream; of several the longest; beyond bounds without failing."""
    assert audio_of(answer) == (None if expected_ms is None else AudioUsage(expected_ms))


@pytest.mark.parametrize("kind", ["speech", "transcription"])
def test_tokens_are_not_read_where_they_are_not_charged(kind: Any) -> None:
    """Speech and audio are charged by characters and length; tokens in their answers mean nothing."""
    assert stated_by({"usage": {"prompt_tokens": 10**30, "completion_tokens": -1}}, kind) is None
