"""Connections and kept bodies are bounded, for each peer and in all, and an operator still gets in."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.http.asgi import ListenedClient, client_of
from pulumi_groq.gateway.http.bodies import read_body
from pulumi_groq.gateway.http.connections import (
    DEFAULT_DEADLINES,
    LOG_INTERVAL_S,
    ConnectionBounds,
    Connections,
    Deadlines,
    Place,
    peer_of,
)
from pulumi_groq.gateway.http.protocol import HttpProtocol
from pulumi_groq.gateway.http.refusal import Refusal

DEADLINE_S = 60
BOUNDS = ConnectionBounds(
    connections=3,
    per_peer_connections=2,
    reserved=2,
    reserved_per_peer=1,
    kept_bytes=100_000,
    per_peer_kept_bytes=60_000,
)


class SetMonotonic:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time_s = 0.0

    def __call__(self) -> float:
        return self.time_s


def test_one_peer_cannot_take_all_places() -> None:
    """It gets its share and a reserved place; others get what is left, and reserved places after that."""
    connections = Connections(BOUNDS)
    assert [connections.enter("a") for _ in range(4)] == [
        Place.ORDINARY,
        Place.ORDINARY,
        Place.RESERVED,
        None,
    ]
    assert [connections.enter("b") for _ in range(3)] == [Place.ORDINARY, Place.RESERVED, None]
    assert connections.enter("c") is None
    connections.leave("a", Place.ORDINARY)
    assert connections.enter("c") is Place.ORDINARY
    assert connections.open == 5


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_is_one_peer(address: str, peer: str) -> None:
    """A client has 2^64 addresses there, and could take a share with each."""
    assert peer_of(address) == peer


def test_the_log_says_once_in_a_while_that_a_bound_is_met(caplog: pytest.LogCaptureFixture) -> None:
    """Which one, whose, and the option that sets it; a flood of connections is no flood of lines."""
    clock = SetMonotonic()
    connections = Connections(BOUNDS, clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            connections.enter("192.0.2.1")
        [line] = caplog.messages
        assert "192.0.2.1 has 2 connections open: --max-connections-per-peer" in line
        connections.enter("192.0.2.2")
        connections.enter("192.0.2.3")
        assert "3 connections are open: --max-connections " in caplog.messages[1]
        clock.time_s = LOG_INTERVAL_S
        connections.enter("192.0.2.1")
    assert len(caplog.messages) == 3


def test_kept_bodies_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Above a bound it is 503; what is let go is free again."""
    connections = Connections(BOUNDS)
    connections.keep("a", 60_000)
    for peer, size in (("a", 1), ("b", 40_001)):
        with pytest.raises(Refusal) as refused:
            connections.keep(peer, size)
        assert (refused.value.status, refused.value.detail.code) == (503, "overloaded")
    assert [line.split(": ")[1].split()[0] for line in caplog.messages] == [
        "--max-body-mib-per-peer",
        "--max-body-mib",
    ]
    connections.let_go("a", 60_000)
    connections.keep("a", 60_000)


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60)


@given(steps=STEPS)
def test_no_bound_is_ever_exceeded(steps: list[tuple[str, bool]]) -> None:
    """Whoever comes and goes; nothing is left when all have gone."""
    connections = Connections(BOUNDS)
    open_: list[tuple[str, Place]] = []
    for peer, comes in steps:
        place = connections.enter(peer) if comes else None
        if place is not None:
            open_.append((peer, place))
        elif not comes and open_:
            connections.leave(*open_.pop(0))
        ordinary = [peer for peer, place in open_ if place is Place.ORDINARY]
        assert len(ordinary) <= 3
        assert all(ordinary.count(peer) <= 2 for peer in "abc")
        assert connections.open == len(open_) <= 5
    while open_:
        connections.leave(*open_.pop())
    assert connections.open == 0
    assert connections.enter("a") is Place.ORDINARY


async def answer_ok(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def keep_the_body(scope: Any, receive: Any, send: Any) -> None:
    try:
        await read_body(receive, client_of(scope, receive), None, 1_000_000, DEADLINE_S)
    except Refusal as refusal:
        for message in refusal.messages():
            await send(message)
    else:
        await answer_ok(scope, receive, send)


Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def at_the_door(
    scenario: Callable[[Callable[[], Any], Connections], Any],
    app: Any = answer_ok,
    *,
    deadlines: Deadlines = DEFAULT_DEADLINES,
    **changes: int,
) -> None:
    """Runs `scenario` with a way to connect to a real port, and what the server knows of its connections."""

    async def run() -> None:
        connections = Connections(
            ConnectionBounds(**{"connections": 2, "reserved": 1, "reserved_per_peer": 1, **changes})
        )
        state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)
        empty = asyncio.Event()

        class Watched(HttpProtocol):
            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if not state.connections:
                    empty.set()

        protocol = partial(
            Watched,
            SimpleNamespace(loaded_app=app),
            state,
            connections=connections,
            deadlines=deadlines,
            is_essential=lambda path: path == "/healthz",
        )
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        opened: list[asyncio.StreamWriter] = []

        async def connect() -> Opened:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            opened.append(writer)
            return reader, writer

        async with asyncio.timeout(DEADLINE_S):
            await scenario(connect, connections)
            for writer in opened:
                writer.close()
            empty.clear()
            while state.connections:
                await empty.wait()
            await asyncio.gather(*state.tasks)
        server.close()
        assert (connections.open, connections.kept_bytes) == (0, 0)

    asyncio.run(run())


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: h\r\n\r\n".encode()


async def asked(opened: Opened, path: str) -> bytes:
    """The answer's head."""
    reader, writer = opened
    writer.write(get(path))
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 200 "):
        await reader.readexactly(2)
    return head


@pytest.mark.parametrize(("path", "status"), [("/healthz", b"200"), ("/openai/v1/models", b"503")])
def test_a_full_table_keeps_a_place_for_what_an_operator_needs(path: str, status: bytes) -> None:
    """One request is answered on it, then it is free for the next; the others go on as before."""

    async def scenario(connect: Any, _connections: Connections) -> None:
        ordinary = [await connect(), await connect()]
        for opened in ordinary:
            assert (await asked(opened, "/any")).startswith(b"HTTP/1.1 200 ")
        for _ in range(3):
            reserved = await connect()
            head = await asked(reserved, path)
            assert head.startswith(b"HTTP/1.1 " + status)
            assert b"\r\nconnection: close\r\n" in head
            await reserved[0].read()
        assert (await asked(ordinary[0], "/any")).startswith(b"HTTP/1.1 200 ")

    at_the_door(scenario)


def test_a_reserved_place_is_not_kept_by_silence() -> None:
    """Its head has as long as an idle connection, not as long as any other head."""

    async def scenario(connect: Any, connections: Connections) -> None:
        for _ in range(2):
            await connect()
        reader, writer = await connect()
        writer.write(b"GET /healthz HT")
        assert await reader.read() == b""
        assert connections.open == 2

    at_the_door(scenario, deadlines=Deadlines(keep_alive_s=0.05))


def test_who_finds_no_place_is_told_at_once() -> None:
    """Before a byte of its request is read."""

    async def scenario(connect: Any, connections: Connections) -> None:
        for _ in range(3):
            await connect()
        reader, _ = await connect()
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"too_many_connections" in answer
        assert connections.open == 3

    at_the_door(scenario)


def test_a_body_that_finds_no_room_is_503() -> None:
    """Bodies are counted while they are kept, and not after; the one that was there first goes on."""
    kept = asyncio.Event()

    async def keep_the_body(scope: Any, receive: Any, send: Any) -> None:
        size = 0

        class Keeping(ListenedClient):
            def hold(self, more: int) -> None:
                nonlocal size
                client_of(scope, receive).hold(more)
                size += more
                if size == len(BODY) - 1:
                    kept.set()

        try:
            await read_body(receive, Keeping(receive), None, 1_000_000, DEADLINE_S)
        except Refusal as refusal:
            for message in refusal.messages():
                await send(message)
        else:
            await answer_ok(scope, receive, send)

    async def scenario(connect: Any, _connections: Connections) -> None:
        (reader, writer), (later_reader, later_writer) = await connect(), await connect()
        writer.write(POST + BODY[:-1])
        await kept.wait()
        later_writer.write(POST + BODY)
        assert (await later_reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.write(BODY[-1:])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")

    at_the_door(scenario, keep_the_body, kept_bytes=70_000)


BODY = b"x" * 50_000
POST = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 50000\r\n\r\n"
