"""No connection outlives its deadline, in whatever state its client leaves it."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from pulumi_groq.gateway.http.connections import Deadlines
from pulumi_groq.gateway.http.protocol import HttpProtocol

DEADLINE_S = 60
SHORT = 0.05
LONG = Deadlines(head_s=60, keep_alive_s=60, body_s=60, early_s=60, write_s=60, linger_s=60)
GET = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
MUCH = b"x" * (16 * 1024 * 1024)


async def answer(send: Any, body: bytes = b"ok", *headers: tuple[bytes, bytes]) -> None:
    lines = [(b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": body})


async def answers_early(scope: Any, receive: Any, send: Any) -> None:
    await answer(send)


async def answers_early_and_closes(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, b"ok", (b"connection", b"close"))


async def answers_much(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, MUCH)


async def answers_much_and_closes(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, MUCH, (b"connection", b"close"))


async def streams_without_end(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while (await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})) is None:
        await asyncio.sleep(0)
        if scope["gone"].is_set():
            return


async def reads_its_body(scope: Any, receive: Any, send: Any) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message["more_body"]
    await answer(send)


async def ignores_its_body(scope: Any, receive: Any, send: Any) -> None:
    """Has its answer only when the client is gone."""
    await scope["gone"].wait()


class Door:
    """A protocol on a real socket, without any server around it: all that it uses of uvicorn is here."""

    def __init__(self, app: Callable[..., Awaitable[None]], deadlines: Deadlines) -> None:
        self.gone = asyncio.Event()
        self.state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)

        async def with_event(scope: Any, receive: Any, send: Any) -> None:
            scope["gone"] = self.gone
            await app(scope, receive, send)

        gone = self.gone

        class Watched(HttpProtocol):
            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                gone.set()

        config = SimpleNamespace(loaded_app=with_event)
        self.protocol = partial(Watched, config, self.state, deadlines=deadlines)


def outlived(
    app: Callable[..., Awaitable[None]], deadlines: Deadlines, *pieces: bytes, reads: bool = True
) -> bytes:
    """What a client got that sends `pieces` and then stays silent, once the server has cut it off."""

    async def run() -> bytes:
        door = Door(app, deadlines)
        server = await asyncio.get_running_loop().create_server(door.protocol, "127.0.0.1", 0)
        got = b""
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, server.sockets[0].getsockname())
            async with asyncio.timeout(DEADLINE_S):
                for piece in pieces:
                    await loop.sock_sendall(client, piece)
                    if reads and piece.endswith(b"\r\n\r\n"):
                        got += await loop.sock_recv(client, 4096)
                await door.gone.wait()
                await asyncio.gather(*door.state.tasks)
        server.close()
        assert door.state.connections == set()
        return got

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("app", "pieces", "state"),
    [
        (answers_early, [], "head_s"),
        (answers_early, [b"\r\n"], "head_s"),
        (answers_early, [b"G"], "head_s"),
        (answers_early, [b"GET / HTTP/1.1\r\nhost: h\r\nx"], "head_s"),
        (answers_early, [GET], "keep_alive_s"),
        (answers_early, [GET, b"\r\n"], "keep_alive_s"),
        (answers_early, [GET + GET], "keep_alive_s"),
        (answers_early, [GET, b"G"], "head_s"),
        (answers_early, [POST], "early_s"),
        (answers_early, [POST, b"a"], "early_s"),
        (answers_early, [CHUNKED], "early_s"),
        (answers_early, [CHUNKED, b"1\r\na\r\n0\r\nx: y\r\n"], "early_s"),
        (answers_early_and_closes, [POST], "linger_s"),
        (answers_early_and_closes, [POST, b"a"], "linger_s"),
        (answers_early, [b"\x00\r\n\r\n"], "linger_s"),
    ],
)
def test_a_silent_client_is_cut_off(app: Any, pieces: list[bytes], state: str) -> None:
    """Before, in and after a request; each state by its own deadline, the others being far off."""
    outlived(app, replace(LONG, **{state: SHORT}), *pieces)


@pytest.mark.parametrize("app", [reads_its_body, ignores_its_body])
@pytest.mark.parametrize("pieces", [(POST,), (POST, b"a"), (CHUNKED, b"1"), (CHUNKED, b"1\r\na\r\n0\r\nx")])
def test_a_body_that_does_not_come_is_cut_off(app: Any, pieces: tuple[bytes, ...]) -> None:
    """Whether the application waits for it or not."""
    outlived(app, replace(LONG, body_s=SHORT), *pieces, reads=False)


@pytest.mark.parametrize("app", [answers_much, answers_much_and_closes, streams_without_end])
def test_an_answer_that_is_not_taken_is_cut_off(app: Any) -> None:
    """A whole one, a last one, and one without end."""
    outlived(app, replace(LONG, write_s=SHORT), GET, reads=False)


def test_a_client_that_is_waited_for_by_nobody_is_served() -> None:
    """An answer may take longer than any deadline: the client owes nothing then."""

    async def is_slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(6 * SHORT)
        await answer(send)

    every = Deadlines(SHORT, SHORT, SHORT, SHORT, SHORT, SHORT)
    assert outlived(is_slow, every, GET).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_takes_its_answer_slowly_is_served() -> None:
    """As long as it takes some of it, whatever the other deadlines are."""

    async def run() -> int:
        deadlines = Deadlines(SHORT, SHORT, SHORT, SHORT, write_s=DEADLINE_S, linger_s=SHORT)
        door = Door(answers_much_and_closes, deadlines)
        server = await asyncio.get_running_loop().create_server(door.protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=65536)
        writer.write(GET)
        size = 0
        async with asyncio.timeout(DEADLINE_S):
            size += len(await reader.readuntil(b"\r\n\r\n"))
            await asyncio.sleep(4 * SHORT)
            while piece := await reader.read(1 << 20):
                size += len(piece)
        writer.close()
        server.close()
        return size

    assert asyncio.run(run()) > len(MUCH)


def test_a_client_that_sends_on_after_its_answer_is_cut_off() -> None:
    """So much is read of what nobody wants, and no more, however fast it comes."""

    async def run() -> int:
        door = Door(answers_early, LONG)
        server = await asyncio.get_running_loop().create_server(door.protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        sent = 0
        writer.write(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000000\r\n\r\n")
        async with asyncio.timeout(DEADLINE_S):
            await reader.readuntil(b"ok")
            try:
                while not door.gone.is_set():
                    writer.write(b"x" * 65536)
                    sent += 65536
                    await writer.drain()
            except ConnectionError:
                pass
            await door.gone.wait()
        writer.close()
        server.close()
        return sent

    assert asyncio.run(run()) < 64 * 1024 * 1024
