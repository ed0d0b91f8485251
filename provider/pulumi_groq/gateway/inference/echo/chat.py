"""Chat completions as Groq shapes them, whole and streamed (observed, autumn 2026)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pulumi_groq.gateway.inference.echo.request import (
    EchoRefusalError,
    EchoRequest,
    EchoScript,
    prompt_tokens,
    reply_tokens,
    text_of,
)

QUEUE_S = 0.001
PROMPT_S_PER_TOKEN = 0.00002
COMPLETION_S_PER_TOKEN = 0.002
Chunk = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer, before it is given a shape."""

    request: EchoRequest
    created: int
    tokens: list[str]
    finish_reason: str
    tool_calls: list[dict[str, Any]] | None
    usage: dict[str, Any] | None

    @property
    def content(self) -> str:
        """The whole text."""
        return "".join(self.tokens)


def complete(request: EchoRequest, script: EchoScript, created: int) -> Completion:
    """Echoes the last message. Raises `EchoRefusalError` for what Groq would refuse."""
    messages = request.fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise EchoRefusalError("'messages' : minimum number of items is 1")
    if request.fields.get("n") not in (None, 1):
        raise EchoRefusalError("'n' : number must be at most 1")
    if not all(isinstance(message, dict) for message in messages):
        raise EchoRefusalError("'messages' : items must be objects")
    texts = [text_of(message.get("content")) for message in messages]
    tokens = reply_tokens(texts[-1], script.chunks)
    tool_calls = _tool_calls(request)
    limit = request.fields.get("max_completion_tokens") or request.fields.get("max_tokens")
    finish_reason = "tool_calls" if tool_calls else "stop"
    if isinstance(limit, int) and limit < len(tokens):
        tokens, finish_reason = tokens[:limit], "length"
    return Completion(
        request=request,
        created=created,
        tokens=[] if tool_calls else tokens,
        finish_reason=finish_reason,
        tool_calls=tool_calls,
        usage=usage(prompt_tokens(texts), len(tokens), script) if script.states_usage else None,
    )


def usage(prompt: int, completion: int, script: EchoScript) -> dict[str, Any]:
    """The usage object with its timings; the total leaves the queue out, as Groq's does."""
    prompt_s = round(prompt * PROMPT_S_PER_TOKEN, 9)
    completion_s = round(completion * COMPLETION_S_PER_TOKEN, 9)
    stated: dict[str, Any] = {
        "queue_time": QUEUE_S,
        "prompt_tokens": prompt,
        "prompt_time": prompt_s,
        "completion_tokens": completion,
        "completion_time": completion_s,
        "total_tokens": prompt + completion,
        "total_time": round(prompt_s + completion_s, 9),
    }
    if script.cached_tokens:
        stated["prompt_tokens_details"] = {"cached_tokens": min(script.cached_tokens, prompt)}
    return stated


def whole(completion: Completion) -> Chunk:
    """The body of an answer that is not streamed."""
    request = completion.request
    message: dict[str, Any] = {"role": "assistant", "content": completion.content}
    if completion.tool_calls:
        message = {"role": "assistant", "content": None, "tool_calls": completion.tool_calls}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}
    answer = {**_head(completion, "chat.completion"), "choices": [choice]}
    if completion.usage is not None:
        answer["usage"] = completion.usage
    return {
        **answer,
        "usage_breakdown": None,
        "system_fingerprint": request.fingerprint,
        "x_groq": {"id": request.request_id, "seed": request.seed},
        "service_tier": request.fields.get("service_tier") or "on_demand",
    }


def chunks(completion: Completion) -> Iterator[Chunk]:
    """The chunks of a stream, in Groq's order."""
    request = completion.request
    groq = {"id": request.request_id}
    yield _chunk(completion, {"role": "assistant", "content": ""}, x_groq={**groq, "seed": request.seed})
    for token in completion.tokens:
        yield _chunk(completion, {"content": token})
    if completion.tool_calls:
        calls = [{**call, "index": index} for index, call in enumerate(completion.tool_calls)]
        yield _chunk(completion, {"tool_calls": calls})
    stated = completion.usage
    last = {"x_groq": {**groq, "usage": stated}, "usage": stated} if stated else {"x_groq": groq}
    yield _chunk(completion, {}, finish_reason=completion.finish_reason, **last)
    options = request.fields.get("stream_options")
    if stated and isinstance(options, dict) and options.get("include_usage") is True:
        yield {
            **_head(completion, "chat.completion.chunk"),
            "system_fingerprint": request.fingerprint,
            "choices": [],
            "usage": stated,
            "service_tier": request.fields.get("service_tier") or "on_demand",
        }


def event(chunk: Chunk) -> bytes:
    """A chunk as one server-sent event."""
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def _head(completion: Completion, kind: str) -> Chunk:
    return {
        "id": f"chatcmpl-{completion.request.uuid}",
        "object": kind,
        "created": completion.created,
        "model": completion.request.model,
    }


def _chunk(completion: Completion, delta: Chunk, *, finish_reason: str | None = None, **last: Any) -> Chunk:
    return {
        **_head(completion, "chat.completion.chunk"),
        "system_fingerprint": completion.request.fingerprint,
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
        **last,
    }


def _tool_calls(request: EchoRequest) -> list[dict[str, Any]] | None:
    """One call, of the function that `tool_choice` demands."""
    choice, tools = request.fields.get("tool_choice"), request.fields.get("tools")
    if not isinstance(tools, list) or choice in (None, "none", "auto"):
        return None
    functions = [tool.get("function") for tool in tools if isinstance(tool, dict)]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        names = [choice["function"].get("name")]
    if not names:
        return None
    call = {"id": request.uuid.replace("-", "")[:9], "type": "function"}
    return [{**call, "function": {"name": names[0], "arguments": "{}"}}]
