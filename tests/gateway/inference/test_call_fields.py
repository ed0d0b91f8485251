"""The metered fields of JSON requests: validated, with the field's path."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_groq.gateway.inference.call_fields import chat_fields

CHAT: dict[str, Any] = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 1}, "model"),
        ({"model": ["openai/gpt-oss-20b"]}, "model"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens"),
        ({"max_completion_tokens": 10**30}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 1000}, "n"),
        ({"service_tier": "gold"}, "service_tier"),
        ({"service_tier": []}, "service_tier"),
        ({"stream_options": True}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"compound_custom": []}, "compound_custom"),
        ({"compound_custom": {"Models": {"answering_model": "x"}}}, "compound_custom"),
        ({"compound_custom": {"models": ["x"]}}, "compound_custom.models"),
        ({"compound_custom": {"models": {"answering_model": 1}}}, "compound_custom.models"),
        ({"compound_custom": {"models": {"Answering_Model": "x"}}}, "compound_custom.models"),
    ],
)
def test_a_wrong_field_is_400_with_its_path(
    bench: Callable[..., Any], change: dict[str, Any], param: str
) -> None:
    """A metered field of the wrong type or range is refused before the upstream, naming the field."""
    made = bench()
    answer = made.post("chat/completions", json.dumps(CHAT | change).encode())
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert "code" not in error
    assert made.echo.calls.total() == 0


def test_a_background_response_is_refused(bench: Callable[..., Any]) -> None:
    """A response in the background would be generated unmetered."""
    body = {"model": "openai/gpt-oss-20b", "input": "hi", "background": True}
    answer = bench().post("responses", json.dumps(body).encode())
    assert (answer.status, json.loads(answer.body)["error"]["param"]) == (400, "background")


def test_the_larger_of_both_output_limits_counts() -> None:
    """With both the old and the new output limit, the reservation takes the larger."""
    assert chat_fields(CHAT | {"max_tokens": 9, "max_completion_tokens": 5}).max_output_tokens == 9


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("chat/completions", CHAT | {"model": "openai/gpt-oss-120b"}),
        ("chat/completions", CHAT | {"model": " openai/gpt-oss-20b"}),
        ("chat/completions", CHAT | {"model": "OpenAI/GPT-OSS-20B"}),
        (
            "chat/completions",
            CHAT | {"compound_custom": {"models": {"answering_model": "openai/gpt-oss-120b"}}},
        ),
        ("responses", {"model": "openai/gpt-oss-120b", "input": "hi"}),
        ("embeddings", {"model": "nomic-embed", "input": "hi"}),
        ("audio/speech", {"model": "playai-tts", "input": "hi"}),
    ],
)
def test_a_model_outside_the_list_never_reaches_the_upstream(
    bench: Callable[..., Any], name: str, body: dict[str, Any]
) -> None:
    """Another model, however spelled or placed, is 403 model_not_available; nothing is reserved."""
    made = bench()
    answer = made.post(name, json.dumps(body).encode())
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["type"], error["code"]) == (403, "permissions_error", "model_not_available")
    assert (made.echo.calls.total(), made.metering.open, made.metering.settled) == (0, {}, [])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("chat/completions", CHAT | {"model": "whisper-large-v3-turbo"}),
        ("audio/speech", {"model": "openai/gpt-oss-20b", "input": "hi"}),
        ("embeddings", {"model": "openai/gpt-oss-20b", "input": "hi"}),
    ],
)
def test_a_model_of_another_kind_is_400(bench: Callable[..., Any], name: str, body: dict[str, Any]) -> None:
    """A model is used where it can be priced: a transcription model has no price for chat."""
    made = bench()
    assert made.post(name, json.dumps(body).encode()).status == 400
    assert made.echo.calls.total() == 0


def test_a_model_without_a_price_is_400(bench: Callable[..., Any]) -> None:
    """A model that a key has, but the price list lacks, cannot be charged."""
    answer = bench().post("chat/completions", json.dumps(CHAT | {"model": "gone/model"}).encode())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, "model_not_priced")


def test_unknown_fields_are_refused(bench: Callable[..., Any]) -> None:
    """Of what the gateway does not know it cannot tell what it makes the upstream do."""
    answer = bench().post("chat/completions", json.dumps(CHAT | {"brand_new": {"x": 1}}).encode())
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"], error["param"]) == (400, "unknown_field", "brand_new")
