"""Nothing of a refused request is expensive, and a large body keeps nobody waiting."""

import asyncio
import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio import BrokenWorkerProcess, to_process

from gateway_process import start_gateway
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference import calls
from pulumi_groq.gateway.inference.calls import INLINE_BYTES, CallReader, read_call
from pulumi_groq.policy.limits import Denial

MODEL = "openai/gpt-oss-20b"
FULL = Denial(429, "requests", "rate_limit_exceeded", "full", retry_after_s=3, reason="requests_per_minute")


def chat(characters: int, **fields: Any) -> bytes:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x" * characters}], "max_tokens": 1}
    return json.dumps(body | fields).encode()


def unread(length: int | None) -> tuple[dict[str, Any], list[int], Callable[[], Any]]:
    """A request whose body counts how often it is asked for."""
    path = "/openai/v1/chat/completions"
    headers = [(b"authorization", b"Bearer pgq_" + b"A" * 48)]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}
    asked: list[int] = []

    async def receive() -> dict[str, Any]:
        asked.append(1)
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    return scope, asked, receive


@pytest.mark.parametrize("length", [32 * 1024 * 1024, None])
async def test_a_large_body_of_a_key_without_room_is_not_read(
    bench: Callable[..., Any], length: int | None
) -> None:
    """429 with the wait before a byte of it is read, and the connection ends: announced or in chunks."""
    made = bench()
    made.metering.denial = FULL
    scope, asked, receive = unread(length)
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await made.plane(scope, receive, send)
    headers = dict(messages[0]["headers"])
    assert (messages[0]["status"], asked) == (429, [])
    assert (headers[b"retry-after"], headers[b"connection"]) == (b"3", b"close")


@pytest.mark.parametrize("name", ["chat/completions", "responses", "audio/transcriptions"])
def test_every_route_turns_large_bodies_away(bench: Callable[..., Any], name: str) -> None:
    """Also an upload, which would be streamed."""
    made = bench()
    made.metering.denial = FULL
    assert made.post(name, b"x" * 70_000).status == 429
    assert made.echo.calls.total() == 0


def test_a_small_body_is_read_first(bench: Callable[..., Any]) -> None:
    """Its denial names the model, and so its faults are told before its limits, as ever."""
    made = bench()
    made.metering.denial = FULL
    assert made.post("chat/completions", b"{").status == 400


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": False}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
    ],
)
async def test_a_large_body_is_read_as_a_small_one(fields: dict[str, Any]) -> None:
    """In another process, with the same outcome."""
    body = chat(INLINE_BYTES, **fields)
    elsewhere = await CallReader().read("key_1", "chat/completions", body)
    assert elsewhere == read_call("chat/completions", body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * INLINE_BYTES + b"]",
        chat(INLINE_BYTES, n=0),
        chat(INLINE_BYTES, tools=["nonsense"]),
        chat(INLINE_BYTES, models=["pgq_" + "A" * 48]),
    ],
    ids=["nesting", "no choices", "no tool", "a key among the models"],
)
async def test_a_large_body_is_refused_as_a_small_one(body: bytes) -> None:
    """Status, reason, headers and the whole error body come back from the other process."""
    with pytest.raises(Refusal) as here:
        read_call("chat/completions", body)
    with pytest.raises(Refusal) as elsewhere:
        await CallReader().read("key_1", "chat/completions", body)
    for part in ("status", "reason", "headers"):
        assert getattr(elsewhere.value, part) == getattr(here.value, part)
    assert elsewhere.value.body() == here.value.body()


async def test_the_loop_goes_on_while_a_large_body_is_read() -> None:
    """Others are served in the meantime: their turns come while it waits."""
    turns = 0
    reading = asyncio.create_task(CallReader().read("key_1", "chat/completions", chat(4_000_000)))
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    await reading
    answer = turns

    assert answer > 100


async def test_a_reading_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """408 when its time is over; the worker is ended, and the next body finds another."""
    monkeypatch.setattr(calls, "READING_LIMIT_S", 0.0)
    reader = CallReader()
    with pytest.raises(Refusal) as given_up:
        await reader.read("key_1", "chat/completions", chat(INLINE_BYTES))
    monkeypatch.setattr(calls, "READING_LIMIT_S", 30.0)
    read = await reader.read("key_1", "chat/completions", chat(INLINE_BYTES))
    answer = given_up.value.status, read.fields.model

    assert answer == (408, MODEL)


@pytest.mark.parametrize(
    "failure",
    [
        BrokenWorkerProcess(),
        ProcessLookupError(),
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        MemoryError(),
    ],
)
def test_a_worker_that_fails_is_told(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Killed, not to be started, or out of memory: 503 and a line of the log, never a traceback."""

    async def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(to_process, "run_sync", fail)
    with pytest.raises(Refusal) as refused:
        asyncio.run(CallReader().read("key_1", "chat/completions", chat(INLINE_BYTES)))
    assert (refused.value.status, refused.value.detail.code) == (503, "body_not_read")
    assert [record.exc_info for record in caplog.records] == [None]


@pytest.mark.parametrize(
    "command",
    [[sys.executable, "-m", "pulumi_groq.cli"], [str(Path(sys.executable).with_name("pulumi-groq"))]],
)
def test_the_real_command_serves_large_bodies(command: list[str], tmp_path: Path) -> None:
    """However the gateway was started: its worker processes load the module that it was started with."""
    gateway = start_gateway(tmp_path, command=command)
    try:
        with gateway.client() as client:
            settings = {"requests_per_minute": "unlimited", "tokens_per_minute": "unlimited"}
            new = {"name": "large", "allowed_models": [MODEL], **settings}
            key = client.post("api-keys", json=new).raise_for_status().json()["api_key"]
            headers = {"authorization": f"Bearer {key}"}
            answer = client.post("chat/completions", content=chat(INLINE_BYTES), headers=headers)
        assert answer.status_code == 200, answer.text
    finally:
        gateway.clear_away()


def test_a_large_body_is_served_whole(bench: Callable[..., Any]) -> None:
    """From the client to the upstream and back, with the usage asked for and hidden."""
    made = bench()
    answer = made.post("chat/completions", chat(INLINE_BYTES, stream=True))
    assert answer.status == 200
    assert b"data: [DONE]" in answer.body
    [settled] = made.metering.settled
    assert settled.consumption.prompt_tokens > 1_000
