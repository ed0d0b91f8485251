"""A thousand streams at once, on one process."""

import asyncio
import json
import resource
from collections.abc import Callable
from typing import Any

import pytest

from patience import until

KEY = "pgq_" + "A" * 48
STREAMS = 1000
CHUNKS = 12


@pytest.fixture
def enough_files() -> None:
    """Both ends of every connection are open in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4 * STREAMS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * STREAMS, hard), hard))


class Gate:
    """Holds every stream back before its first piece, until all of them run."""

    def __init__(self) -> None:
        self.running: Callable[[], int] = int
        self._open = asyncio.Event()

    async def sleep(self, _duration_s: float) -> None:
        if self.running() == STREAMS:
            self._open.set()
        await self._open.wait()
        await asyncio.sleep(0)


async def read_stream(port: int, opened: asyncio.Semaphore) -> bytes:
    """One stream, read to its end."""
    body = json.dumps(
        {"model": "openai/gpt-oss-20b", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    ).encode()
    async with opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        + f"authorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    got = await reader.read()
    writer.close()
    return got


@pytest.mark.usefixtures("enough_files")
async def test_a_thousand_streams_lose_no_frame(
    bench: Callable[..., Any], serving: Callable[..., str], echo_script: Any
) -> None:
    """All streams are open at once, each gets every frame, and each is settled once with its usage."""
    gate = Gate()
    made = bench(script=echo_script(chunks=CHUNKS), sleep=gate.sleep)
    gate.running = lambda: made.plane.drain.running
    port = int(serving(made.plane).rsplit(":", 1)[1])
    opened = asyncio.Semaphore(100)
    async with asyncio.timeout(120):
        answer = await asyncio.gather(*(read_stream(port, opened) for _ in range(STREAMS)))

    streams = answer
    # The role chunk, the tokens, the finish chunk and [DONE]; the usage chunk was not asked for.
    assert {stream.count(b"data: ") for stream in streams} == {CHUNKS + 3}
    assert all(b" token11" in stream and b"data: [DONE]" in stream for stream in streams)
    until(lambda: len(made.records) == STREAMS, "all are over", seen=lambda: len(made.records))
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [CHUNKS] * STREAMS
    assert (made.metering.open, made.metering.twice) == ({}, 0)
