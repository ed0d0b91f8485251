"""The echo's answers have the shapes that were observed at Groq (autumn 2026)."""

import json
import re
from collections.abc import Callable
from typing import Any

BODY: dict[str, Any] = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": "a b"}],
    "seed": 7,
}
USAGE = {
    "queue_time": 0.001,
    "prompt_tokens": 5,
    "prompt_time": 0.0001,
    "completion_tokens": 2,
    "completion_time": 0.004,
    "total_tokens": 7,
    "total_time": 0.0041,
}
IDS = re.compile(r"chatcmpl-[0-9a-f-]{36}|fp_[0-9a-f]{10}|req_01[0-9a-hjkmnp-tv-z]{24}")


def chunk(choices: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": "ID",
        "object": "chat.completion.chunk",
        "created": 1795435200,
        "model": "openai/gpt-oss-20b",
        "system_fingerprint": "ID",
        "choices": choices,
        **more,
    }


def choice(delta: Any, finish_reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]


def test_a_whole_completion(bench: Callable[..., Any]) -> None:
    """A completion has Groq's fields in Groq's order."""
    answer = bench().post("chat/completions", json.dumps(BODY).encode())
    expected = {
        "id": "ID",
        "object": "chat.completion",
        "created": 1795435200,
        "model": "openai/gpt-oss-20b",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "a b"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
        "usage_breakdown": None,
        "system_fingerprint": "ID",
        "x_groq": {"id": "ID", "seed": 7},
        "service_tier": "on_demand",
    }
    assert IDS.sub("ID", answer.body.decode()) == json.dumps(expected, separators=(",", ":"))


def test_a_stream(bench: Callable[..., Any]) -> None:
    """A stream has Groq's chunks in Groq's order, the usage twice in the finish chunk, then the extra one."""
    body = BODY | {"stream": True, "stream_options": {"include_usage": True}}
    answer = bench().post("chat/completions", json.dumps(body).encode())
    frames = IDS.sub("ID", answer.body.decode()).split("\n\n")
    assert answer.headers[b"content-type"] == b"text/event-stream"
    assert frames[-2:] == ["data: [DONE]", ""]
    assert [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]] == [
        chunk(choice({"role": "assistant", "content": ""}), x_groq={"id": "ID", "seed": 7}),
        chunk(choice({"content": "a"})),
        chunk(choice({"content": " b"})),
        chunk(choice({}, "stop"), x_groq={"id": "ID", "usage": USAGE}, usage=USAGE),
        chunk([], usage=USAGE, service_tier="on_demand"),
    ]


def test_the_same_request_gets_the_same_answer(bench: Callable[..., Any]) -> None:
    """The echo is deterministic, its ids included."""
    made = bench()
    body = json.dumps(BODY).encode()
    assert made.post("chat/completions", body).body == made.post("chat/completions", body).body


def test_an_output_limit_cuts_the_answer(bench: Callable[..., Any]) -> None:
    """max_completion_tokens cuts the echo and finishes with length."""
    answer = json.loads(
        bench().post("chat/completions", json.dumps(BODY | {"max_completion_tokens": 1}).encode()).body
    )
    assert (answer["choices"][0]["message"]["content"], answer["choices"][0]["finish_reason"]) == (
        "a",
        "length",
    )
    assert answer["usage"]["completion_tokens"] == 1


def test_cached_tokens_are_stated_and_settled(bench: Callable[..., Any], echo_script: Any) -> None:
    """Cached prompt tokens are stated as Groq does, cost less, and do not count against limits."""
    made = bench(script=echo_script(cached_tokens=4))
    made.post("chat/completions", json.dumps(BODY).encode())
    consumption = made.metering.settled[0].consumption
    assert (consumption.prompt_tokens, consumption.cached_tokens, consumption.tokens) == (5, 4, 3)


def test_a_request_without_messages_is_the_upstreams_400(bench: Callable[..., Any]) -> None:
    """What Groq would refuse, the echo refuses, and nothing is charged."""
    made = bench()
    answer = made.post("chat/completions", b'{"model":"openai/gpt-oss-20b"}')
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (400, "invalid_request_error")
    assert [each.consumption for each in made.metering.settled] == [None]
