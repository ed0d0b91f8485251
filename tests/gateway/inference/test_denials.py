"""What the metering denies, and what is too large or too slow."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pulumi_groq.gateway.inference import InferenceOptions
from pulumi_groq.policy.limits import Denial

CHAT = b'{"model":"openai/gpt-oss-20b","messages":[{"role":"user","content":"hi"}]}'


@pytest.mark.parametrize("named", ["openai/gpt-oss-120b", "openai/gpt-oss-20b"])
def test_a_workload_identity_reads_what_it_lacks_itself(bench: Callable[..., Any], named: str) -> None:
    """A model or a tool: there is no API key to ask for."""
    made = bench()
    made.directory.add("pgq_" + "A" * 48, lineage_id="wid_01a", models=frozenset({"openai/gpt-oss-20b"}))
    body = json.loads(CHAT) | {"model": named, "tools": [{"type": "browser_search"}]}
    answer = made.post("chat/completions", json.dumps(body).encode())
    assert answer.status == 403
    assert "this workload identity" in json.loads(answer.body)["error"]["message"]


def test_a_denial_is_answered_with_its_headers(bench: Callable[..., Any]) -> None:
    """The metering's denial reaches the client with retry-after and rate limits, the upstream not at all."""
    made = bench()
    made.metering.denial = Denial(429, "tokens", "rate_limit_exceeded", "Rate limit", 12, "tokens_per_minute")
    answer = made.post("chat/completions", CHAT)
    assert answer.status == 429
    assert json.loads(answer.body)["error"] == {
        "message": "Rate limit",
        "type": "tokens",
        "code": "rate_limit_exceeded",
    }
    assert answer.headers[b"retry-after"] == b"12"
    assert answer.headers[b"x-ratelimit-remaining-requests"] == b"999"
    assert (made.echo.calls.total(), made.metering.settled) == (0, [])
    assert [record.reason for record in made.records] == ["tokens_per_minute"]


@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body_is_413(bench: Callable[..., Any], announced: bool) -> None:
    """A body above the limit is refused, whether its length was announced or found out."""
    made = bench(options=InferenceOptions(json_body_limit_bytes=100))
    body = CHAT + b" " * 100
    answer = made.post("chat/completions", body, {} if announced else {"content-length": ""})
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (413, "request_too_large")
    assert made.echo.calls.total() == 0


def test_a_large_audio_body_is_413(bench: Callable[..., Any]) -> None:
    """Audio has a limit of its own."""
    made = bench(options=InferenceOptions(audio_body_limit_bytes=10))
    answer = made.post("audio/transcriptions", b"x" * 11, {"content-type": "multipart/form-data; boundary=b"})
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (413, "request_too_large")


def test_every_answer_carries_the_reservation_s_headers_and_ids(bench: Callable[..., Any]) -> None:
    """An admitted request's answer has our request id and the rate limits of the key."""
    made = bench()
    headers = made.post("chat/completions", CHAT).headers
    assert headers[b"x-request-id"].startswith(b"req_01")
    assert headers[b"x-ratelimit-limit-requests"] == b"1000"
    assert headers[b"x-groq-region"] == b"echo"
