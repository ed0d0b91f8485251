"""Clients that leave, stall or dawdle are still charged, once, and leak nothing."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from patience import until

KEY = "pgq_" + "A" * 48
STREAM = {"model": "openai/gpt-oss-20b", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
CHUNKS = 12
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/openai/v1/chat/completions",
    "raw_path": b"/openai/v1/chat/completions",
    "headers": [(b"authorization", f"Bearer {KEY}".encode())],
}


def opened(base: str, body: dict[str, Any], *, announced: int = 0, buffer: int = 0) -> socket.socket:
    """A connection with a chat request written to it."""
    parts = urlsplit(base)
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(60)
    connection.connect((parts.hostname, parts.port))
    payload = json.dumps(body).encode()
    connection.sendall(
        b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        + f"authorization: Bearer {KEY}\r\ncontent-length: {announced or len(payload)}\r\n\r\n".encode()
        + payload
    )
    return connection


def read_frames(connection: socket.socket, frames: int) -> bytes:
    """Reads until so many events are there, or the connection ends."""
    got = b""
    while got.count(b"data:") < frames:
        piece = connection.recv(65_536)
        if not piece:
            break
        got += piece
    return got


@pytest.mark.parametrize("after", range(CHUNKS + 4))
def test_a_disconnect_after_any_chunk_is_charged_once(
    bench: Callable[..., Any],
    serving: Callable[..., str],
    echo_script: Any,
    after: int,
) -> None:
    """Whichever chunk a client leaves at, the real usage is settled exactly once."""
    made = bench(script=echo_script(chunks=CHUNKS, pause_s=0.002))
    connection = opened(serving(made.plane), STREAM)
    read_frames(connection, after)
    connection.close()
    until(lambda: made.records, "the request is over")
    until(lambda: made.plane.drain.running == 0, "nothing runs")
    [settled] = made.metering.settled
    assert settled.consumption.completion_tokens == CHUNKS
    assert settled.consumption.cost_micro_usd > 0
    assert (made.metering.twice, made.metering.open) == (0, {})


def test_a_stream_that_outlasts_the_drain_is_charged_as_reserved(
    bench: Callable[..., Any],
    serving: Callable[..., str],
    echo_script: Any,
    options: Any,
) -> None:
    """Where the usage is not waited for, the reservation is charged, and the record says 499."""
    made = bench(
        script=echo_script(chunks=10_000, pause_s=0.01), options=options(drain_after_disconnect_s=0.05)
    )
    connection = opened(serving(made.plane), STREAM | {"max_tokens": 500})
    read_frames(connection, 3)
    connection.close()
    until(lambda: made.records, "the request is over")
    [settled] = made.metering.settled
    assert (settled.consumption.completion_tokens, settled.status) == (500, 499)
    assert settled.consumption.cost_micro_usd == settled.demand.cost_micro_usd


def test_a_client_that_reads_nothing_is_charged(
    bench: Callable[..., Any],
    serving: Callable[..., str],
    echo_script: Any,
    options: Any,
) -> None:
    """A client that leaves its answer unread counts as gone, and its reservation is settled."""
    made = bench(
        script=echo_script(chunks=50_000),
        options=options(send_timeout_s=0.2, drain_after_disconnect_s=0.05),
    )
    connection = opened(serving(made.plane), STREAM, buffer=4096)
    until(lambda: made.records, "the request is over")
    [settled] = made.metering.settled
    assert (settled.status, settled.consumption.cost_micro_usd > 0) == (499, True)
    assert made.records[0].reason == "client_too_slow"
    connection.close()


def test_a_plain_answer_is_settled_after_a_disconnect(
    bench: Callable[..., Any], serving: Callable[..., str], echo_script: Any
) -> None:
    """A client that leaves before a whole answer is charged its real usage."""
    made = bench(script=echo_script(chunks=CHUNKS, pause_s=0.05))
    opened(serving(made.plane), STREAM | {"stream": False}).close()
    until(lambda: made.records, "the request is over")
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [CHUNKS]


def test_a_body_that_never_arrives_is_408(
    bench: Callable[..., Any], serving: Callable[..., str], options: Any
) -> None:
    """A request whose body stops half-way is answered 408 and the connection ends."""
    made = bench(options=options(body_timeout_s=0.1))
    connection = opened(serving(made.plane), STREAM, announced=10_000)
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in answer
    connection.close()


def test_a_client_that_leaves_while_sending_is_recorded(
    bench: Callable[..., Any], serving: Callable[..., str]
) -> None:
    """A request that was never complete reserves nothing and is no error of the server."""
    made = bench()
    opened(serving(made.plane), STREAM, announced=10_000).close()
    until(lambda: made.records, "the request is over")
    assert ([record.status for record in made.records], made.metering.settled) == ([499], [])


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cancelled_request_is_charged(
    bench: Callable[..., Any], echo_script: Any, stream: bool
) -> None:
    """A request that is cut off by a shutdown is charged as reserved, exactly once."""
    made = bench(script=echo_script(chunks=1000, pause_s=5))
    body = json.dumps(STREAM | {"stream": stream, "max_tokens": 77}).encode()
    pending = [{"type": "http.request", "body": body}]

    async def receive() -> Any:
        if pending:
            return pending.pop()
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        pass

    request = asyncio.create_task(made.plane(SCOPE, receive, send))
    await asyncio.sleep(0)  # runs until the echo pauses
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    [settled] = made.metering.settled
    assert settled.consumption.completion_tokens == 77
    assert (made.metering.open, made.plane.drain.running) == ({}, 0)


@pytest.mark.parametrize("taken", range(CHUNKS + 4))
async def test_a_client_whose_connection_breaks_is_charged_once(
    bench: Callable[..., Any], echo_script: Any, taken: int
) -> None:
    """Where sending fails, the stream is read on for its usage, also when only its end is left to send."""
    made = bench(script=echo_script(chunks=CHUNKS))
    pending = [{"type": "http.request", "body": json.dumps(STREAM).encode()}]
    sent: list[Any] = []

    async def receive() -> Any:
        if pending:
            return pending.pop()
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if len(sent) == taken:
            raise ConnectionResetError
        sent.append(message)

    await made.plane(SCOPE, receive, send)
    [settled] = made.metering.settled
    assert (settled.consumption.completion_tokens, made.records[0].status) == (CHUNKS, 499)
    assert (len(sent), made.metering.twice, made.metering.open) == (taken, 0, {})
