"""Shutting down: what runs finishes, what comes is turned away."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx

from patience import until

KEY = "pgq_" + "A" * 48
HEADERS = {"authorization": f"Bearer {KEY}"}
STREAM = {"model": "openai/gpt-oss-20b", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def test_a_draining_plane_turns_requests_away(bench: Callable[..., Any]) -> None:
    """After drain.begin new requests get 503 with retry-after on a connection that then closes."""
    made = bench()
    made.plane.drain.begin()
    answer = made.post("chat/completions", json.dumps(STREAM).encode())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "shutting_down")
    assert (answer.headers[b"retry-after"], answer.headers[b"connection"]) == (b"2", b"close")
    assert made.echo.calls.total() == 0


async def test_an_idle_plane_is_drained_at_once(bench: Callable[..., Any]) -> None:
    """Without running requests there is nothing to wait for."""
    await asyncio.wait_for(bench().plane.drain.idle(), timeout=60)


def test_running_streams_finish(
    bench: Callable[..., Any], serving: Callable[..., str], echo_script: Any
) -> None:
    """A stream that runs when the drain begins is served to its end, while a new request is refused."""
    goes_on = threading.Event()

    async def pause(_: float) -> None:
        while not goes_on.is_set():  # noqa: ASYNC110  another thread sets it
            await asyncio.sleep(0.001)

    made = bench(script=echo_script(chunks=30, pause_s=1), sleep=pause)
    base = serving(made.plane)
    got: list[bytes] = []

    def read() -> None:
        answer = httpx.post(f"{base}/openai/v1/chat/completions", json=STREAM, headers=HEADERS, timeout=60)
        got.append(answer.content)

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: made.plane.drain.running == 1, "the stream runs")
    made.plane.drain.begin()
    refused = httpx.post(f"{base}/openai/v1/chat/completions", json=STREAM, headers=HEADERS, timeout=60)
    goes_on.set()
    reader.join(60)
    assert (refused.status_code, refused.headers["connection"]) == (503, "close")
    assert got[0].endswith(b"data: [DONE]\n\n")
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [30]
    until(lambda: made.plane.drain.running == 0, "nothing runs")
