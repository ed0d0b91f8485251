"""The responses API, whole and as its streaming events (documented by OpenAI, served by Groq)."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from pulumi_groq.gateway.inference.echo.request import (
    EchoRefusalError,
    EchoRequest,
    EchoScript,
    prompt_tokens,
    reply_tokens,
    text_of,
)

_TOKEN: Final = re.compile(r"\s*\S+")
Event = dict[str, Any]


def respond(request: EchoRequest, script: EchoScript, created: int) -> Event:
    """The finished response. Raises `EchoRefusalError` where `input` is missing."""
    given = request.fields.get("input")
    items = [{"content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not items:
        raise EchoRefusalError("'input' : is required")
    texts = [text_of(item.get("content")) for item in items if isinstance(item, dict)]
    tokens = reply_tokens(texts[-1] if texts else "", script.chunks)
    limit = request.fields.get("max_output_tokens")
    cut = isinstance(limit, int) and limit < len(tokens)
    tokens = tokens[:limit] if cut else tokens
    part = {"type": "output_text", "text": "".join(tokens), "annotations": [], "logprobs": []}
    answer = _shell(request, created)
    answer["status"] = "incomplete" if cut else "completed"
    answer["incomplete_details"] = {"reason": "max_output_tokens"} if cut else None
    answer["output"] = [
        {
            "type": "message",
            "id": f"msg_{request.uuid}",
            "status": answer["status"],
            "role": "assistant",
            "content": [part],
        }
    ]
    if script.states_usage:
        answer["usage"] = _usage(prompt_tokens(texts), len(tokens), script)
    return answer


def events(response: Event) -> Iterator[bytes]:
    """The events of a stream, numbered, each with its type as its name."""
    item = response["output"][0]
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    text = item["content"][0]["text"]
    tokens = _TOKEN.findall(text)
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    opened = {**item, "status": "in_progress", "content": []}
    steps: list[Event] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": opened},
        {"type": "response.content_part.added", **place, "part": part},
        *(
            {"type": "response.output_text.delta", **place, "delta": token, "logprobs": []}
            for token in tokens
        ),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": item["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": f"response.{response['status']}", "response": response},
    ]
    for number, step in enumerate(steps):
        data = json.dumps({**step, "sequence_number": number}, separators=(",", ":"))
        yield f"event: {step['type']}\ndata: {data}\n\n".encode()


def _usage(prompt: int, completion: int, script: EchoScript) -> Event:
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": min(script.cached_tokens, prompt),
            "cache_write_tokens": 0,
        },
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }


def _shell(request: EchoRequest, created: int) -> Event:
    fields = request.fields
    return {
        "id": f"resp_{request.uuid}",
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": fields.get("instructions"),
        "max_output_tokens": fields.get("max_output_tokens"),
        "metadata": fields.get("metadata") or {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": fields.get("service_tier") or "default",
        "store": False,
        "temperature": 1,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": fields.get("tools") or [],
        "top_p": 1,
        "truncation": "disabled",
        "usage": None,
        "user": None,
    }
