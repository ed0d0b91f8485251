"""Requests are read as they were sent and their heads have bounds, on a real port."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn

import pulumi_groq
from pulumi_groq.gateway.http.asgi import Receive, Scope, Send
from pulumi_groq.gateway.http.connections import Deadlines
from pulumi_groq.gateway.http.protocol import HttpProtocol
from pulumi_groq.gateway.http.request_reader import HEAD_LIMIT_BYTES

DEADLINE_S = 60
App = Callable[[Scope, Receive, Send], Awaitable[None]]

IMPATIENT = partial(HttpProtocol, deadlines=Deadlines(head_s=0.5))
IDLE = partial(HttpProtocol, deadlines=Deadlines(keep_alive_s=0.5))


async def answer_ok(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def answer_with_request(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells what was asked; lets requests that were sent later overtake, if they can."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    for _ in range(10 if scope["path"] == "/slow" else 0):
        await asyncio.sleep(0)
    told = {name: str(scope[name]) for name in ("method", "path", "raw_path", "query_string", "http_version")}
    answer = json.dumps({**told, "body": body.decode()}).encode() + b"\n"
    headers = [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@pytest.mark.parametrize(
    ("host", "address"), [("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1", "192.0.2.1"), ("::1", "::1")]
)
def test_a_client_of_ipv4_is_one_wherever_the_gateway_listens(host: str, address: str) -> None:
    """Also on a socket of IPv6, which tells its address in IPv6's form: it would be two consumers."""
    asked: list[Any] = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["client"])
        await answer_ok(scope, receive, send)

    async def connect() -> None:
        transport, state = Mock(), Mock(connections=set(), tasks=set(), total_requests=0)
        transport.get_extra_info = lambda _: (host, 4711, 0, 0)
        transport.get_write_buffer_size = lambda: 0
        protocol = HttpProtocol(Mock(loaded_app=answer), state)
        protocol.connection_made(transport)
        protocol.data_received(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        await asyncio.gather(*state.tasks)
        protocol.connection_lost(None)

    asyncio.run(connect())
    assert asked == [(address, 4711)]


@contextmanager
def serving(protocol: Callable[..., HttpProtocol], app: App = answer_ok, **options: Any) -> Iterator[int]:
    """A server in a thread; gives its port."""
    config = uvicorn.Config(
        app,
        port=0,
        http=protocol,  # type: ignore[arg-type]  # uvicorn only calls it
        lifespan="off",
        log_config=None,
        **options,
    )
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


def told_by(answer: bytes) -> list[dict[str, Any]]:
    """What `answer_with_request` told, in order."""
    return [json.loads(line) for line in answer.splitlines() if line.startswith(b"{")]


def test_a_request_is_read_as_it_was_sent() -> None:
    """The path is decoded, and kept as it came; the query is none of it."""
    request = (
        b"POST /a%2Fb%20c?d=%20e HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"
    )
    with serving(HttpProtocol, answer_with_request) as port:
        [told] = told_by(asyncio.run(exchange(port, request)))
    assert told == {
        "method": "POST",
        "path": "/a/b c",
        "raw_path": "b'/a%2Fb%20c'",
        "query_string": "b'd=%20e'",
        "http_version": "1.1",
        "body": "hi",
    }


def test_requests_sent_at_once_are_answered_in_order() -> None:
    """The next one waits for the answer before it."""
    one = b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n"
    last = b"POST /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody"
    with serving(HttpProtocol, answer_with_request) as port:
        told = told_by(asyncio.run(exchange(port, one + one + last)))
    assert [(request["path"], request["body"]) for request in told] == [
        ("/slow", ""),
        ("/slow", ""),
        ("/last", "body"),
    ]


def test_a_client_of_old_gets_one_answer() -> None:
    """HTTP/1.0 has no second request on a connection."""
    with serving(HttpProtocol, answer_with_request) as port:
        answer = asyncio.run(exchange(port, b"GET / HTTP/1.0\r\n\r\n"))
    assert b"\r\nconnection: close\r\n" in answer
    assert [request["http_version"] for request in told_by(answer)] == ["1.0"]


def test_what_is_no_http_is_400() -> None:
    """And nothing of it reaches the application."""
    with serving(HttpProtocol, answer_with_request) as port:
        answer = asyncio.run(exchange(port, b"\x00\x01\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert [told["error"]["code"] for told in told_by(answer)] == ["invalid_http_request"]


def test_an_idle_connection_is_closed() -> None:
    """After its answers, however many they were."""
    one = b"GET /kept HTTP/1.1\r\nhost: h\r\n\r\n"
    with serving(IDLE, answer_with_request) as port:
        told = told_by(asyncio.run(exchange(port, one * 3)))
    assert [request["path"] for request in told] == ["/kept"] * 3


def test_a_connection_in_use_is_not_idle() -> None:
    """A request that takes longer than an idle connection lives is served."""

    async def outlive_an_idle_connection(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /first HTTP/1.1\r\nhost: h\r\n\r\n")
        async with asyncio.timeout(DEADLINE_S):
            answer = await reader.readuntil(b"}\n")
        writer.write(b"POST /next HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 1\r\n\r\n")
        for _ in range(2):  # each begun later, and closed when its time is over
            await exchange(port, b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        writer.write(b"x")
        async with asyncio.timeout(DEADLINE_S):
            answer += await reader.read()
        writer.close()
        return answer

    with serving(IDLE, answer_with_request) as port:
        told = told_by(asyncio.run(outlive_an_idle_connection(port)))
    assert [request["path"] for request in told] == ["/first", "/next"]


HEAD = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"


@pytest.mark.parametrize(
    ("begin", "repeated"), [(HEAD + b"x: ", b"y"), (HEAD, b"x: y\r\n"), (b"GET /", b"y")]
)
def test_a_head_that_goes_on_is_431(begin: bytes, repeated: bytes) -> None:
    """One long header, many short ones, an endless path."""
    # Not a byte more than it takes: unread bytes would reset the connection before the answer is read.
    endless = (begin + repeated * HEAD_LIMIT_BYTES)[: HEAD_LIMIT_BYTES + 1]
    with serving(HttpProtocol) as port:
        answer = asyncio.run(exchange(port, endless))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["code"] == "request_header_fields_too_large"


def test_a_long_body_is_no_long_head() -> None:
    """Only what comes before the body counts."""
    body = b"z" * (4 * HEAD_LIMIT_BYTES)
    request = b"POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    with serving(HttpProtocol) as port:
        assert asyncio.run(exchange(port, request, body)).startswith(b"HTTP/1.1 200 ")


def test_many_requests_on_one_connection_are_counted_each() -> None:
    """The bound is a request's, not a connection's."""
    one = b"GET / HTTP/1.1\r\nhost: h\r\nx: " + b"y" * 20_000 + b"\r\n\r\n"
    last = one.replace(b"host: h", b"host: h\r\nconnection: close")
    with serving(HttpProtocol) as port:
        assert asyncio.run(exchange(port, one * 9, last)).count(b"HTTP/1.1 200 ") == 10


@pytest.mark.parametrize("pieces", [(), (b"GET / HT",), (b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HT",)])
def test_a_head_that_does_not_come_is_cut_off(pieces: tuple[bytes, ...]) -> None:
    """Nothing, a part of a first head, or a part of a second one."""
    with serving(IMPATIENT) as port:
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

    with serving(IMPATIENT) as port:
        assert asyncio.run(outlive_an_idle_connection(port)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "bad",
    [b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nhost: h\r\nx: y\n\n"],
)
def test_a_bad_request_is_refused_after_the_answers_before_it(bad: bytes) -> None:
    """Otherwise its refusal would be taken for the answer to another."""
    slow = b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n"
    with serving(HttpProtocol, answer_with_request) as port:
        answer = asyncio.run(exchange(port, slow + slow + bad))
    assert [line.split()[1] for line in answer.splitlines() if line.startswith(b"HTTP/1.1 ")] == [
        b"200",
        b"200",
        b"400",
    ]


def test_many_requests_sent_at_once_wait_as_bytes() -> None:
    """However many fit into what is read at once, they are answered one by one and in order."""
    requests = [b"GET /%d HTTP/1.1\r\nhost: h\r\n\r\n" % number for number in range(2_000)]
    last = b"GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    with serving(HttpProtocol, answer_with_request) as port:
        told = told_by(asyncio.run(exchange(port, b"".join(requests) + last)))
    assert [request["path"] for request in told] == [*(f"/{number}" for number in range(2_000)), "/last"]


def test_a_refusal_arrives_though_the_client_sends_on() -> None:
    """Bytes that nobody reads would reset the connection, and the refusal would be lost with it."""
    head = b"POST / HTTP/1.1\r\nhost: a, b\r\ncontent-length: 400000\r\n\r\n"
    with serving(HttpProtocol) as port:
        answer = asyncio.run(exchange(port, head, *[b"x" * 100_000] * 4))
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_trailers_without_end_are_cut_off() -> None:
    """Though the request has its answer: what a client sends after it costs next to nothing."""

    async def answer_early(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def send_without_end(port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"GET /healthz HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head + b"1\r\na\r\n0\r\n")
        sent = 0
        async with asyncio.timeout(DEADLINE_S):
            await reader.readuntil(b"\r\n\r\n")
            try:
                while not reader.at_eof():
                    writer.write(b"x: aaaaaaaa\r\n" * 5_000)
                    sent += 65_000
                    await writer.drain()
                    await asyncio.sleep(0)
            except ConnectionError:
                pass
        writer.close()
        return sent

    with serving(HttpProtocol, answer_early) as port:
        assert asyncio.run(send_without_end(port)) < 60_000_000


def test_a_trailer_never_authenticates() -> None:
    """Neither its own request nor the next."""

    async def answer_with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        answer = json.dumps([name.decode() for name, _ in scope["headers"]]).encode() + b"\n"
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    one = (
        b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
        b"1\r\na\r\n0\r\nauthorization: Bearer key\r\n\r\n"
    )
    last = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    with serving(HttpProtocol, answer_with_headers) as port:
        answer = asyncio.run(exchange(port, one + last))
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert b"authorization" not in answer


def test_of_uvicorn_only_its_server_is_used() -> None:
    """A protocol class of uvicorn's own would tie the gateway to one version of it."""
    imported = [
        line
        for path in Path(pulumi_groq.__file__).parent.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.lstrip().startswith(("import uvicorn", "from uvicorn"))
    ]
    assert imported == ["import uvicorn"]
