"""Heads of requests have bounds, on a real port."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
import uvicorn

from pulumi_groq.gateway.http_protocol import HEAD_LIMIT_BYTES, BoundedProtocol

DEADLINE_S = 30


class ImpatientProtocol(BoundedProtocol):
    """Waits for a head no longer than a test can."""

    head_timeout_s = 0.2


async def answer_ok(scope, receive, send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def serving(protocol) -> Iterator[int]:
    """A server in a thread; gives its port."""
    config = uvicorn.Config(answer_ok, port=0, http=protocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    listener.listen()
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Send the pieces; everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(DEADLINE_S):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEAD = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"


@pytest.mark.parametrize(
    ("begin", "repeated"), [(HEAD + b"x: ", b"y"), (HEAD, b"x: y\r\n"), (b"GET /", b"y")]
)
def test_a_head_that_goes_on_is_431(begin, repeated) -> None:
    """One long header, many short ones, an endless path."""
    # Not a byte more than it takes: unread bytes would reset the connection before the answer is read.
    endless = (begin + repeated * HEAD_LIMIT_BYTES)[: HEAD_LIMIT_BYTES + 1]
    with serving(BoundedProtocol) as port:
        answer = asyncio.run(exchange(port, endless))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["code"] == "request_header_fields_too_large"


def test_a_long_body_is_no_long_head() -> None:
    """Only what comes before the body counts."""
    body = b"z" * (4 * HEAD_LIMIT_BYTES)
    request = b"POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    with serving(BoundedProtocol) as port:
        assert asyncio.run(exchange(port, request, body)).startswith(b"HTTP/1.1 200 ")


def test_many_requests_on_one_connection_are_counted_each() -> None:
    """The bound is a request's, not a connection's."""
    one = b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"y" * 20_000 + b"\r\n\r\n"
    last = one.replace(b"host: h", b"host: h\r\nconnection: close")
    with serving(BoundedProtocol) as port:
        assert asyncio.run(exchange(port, one * 9, last)).count(b"HTTP/1.1 200 ") == 10


@pytest.mark.parametrize("pieces", [(), (b"GET / HT",), (b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HT",)])
def test_a_head_that_does_not_come_is_cut_off(pieces) -> None:
    """Nothing, a part of a first head, or a part of a second one."""
    with serving(ImpatientProtocol) as port:
        answer = asyncio.run(exchange(port, *pieces))
    assert answer.count(b"HTTP/1.1 200 ") == (1 if len(pieces) and b"\r\n\r\n" in pieces[0] else 0)


def test_a_body_may_take_longer_than_a_head() -> None:
    """The time is the head's alone."""

    async def outlive_an_idle_connection(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 1\r\n\r\n")
        await exchange(port)  # begun later, and cut off when its time is over
        writer.write(b"x")
        async with asyncio.timeout(DEADLINE_S):
            answer = await reader.read()
        writer.close()
        return answer

    with serving(ImpatientProtocol) as port:
        assert asyncio.run(outlive_an_idle_connection(port)).startswith(b"HTTP/1.1 200 ")
