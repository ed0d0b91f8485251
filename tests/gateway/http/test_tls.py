"""Connections over TLS have the same bounds and deadlines as all others, from their first byte on."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
import uvicorn

from certificates import make_certificate
from pulumi_groq.gateway.http.asgi import Receive, Scope, Send
from pulumi_groq.gateway.http.certificate import ServerCertificate
from pulumi_groq.gateway.http.connections import ConnectionBounds, Connections, Deadlines
from pulumi_groq.gateway.http.protocol import HttpProtocol
from pulumi_groq.gateway.http.tls import over_tls

DEADLINE_S = 60
GET = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
LARGE = 8 * 1024 * 1024
PATIENT, IMPATIENT = Deadlines(), Deadlines(head_s=2.0, keep_alive_s=0.2)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    pair = tmp_path / "tls.crt", tmp_path / "tls.key"
    make_certificate(*pair)
    return pair


async def answer_scheme(scope: Scope, receive: Receive, send: Send) -> None:
    body = str(scope["scheme"]).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer_much(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(LARGE)})


@contextmanager
def serving(
    certificate: ServerCertificate,
    connections: Connections,
    deadlines: Deadlines = PATIENT,
    app: Callable[[Scope, Receive, Send], Awaitable[None]] = answer_scheme,
) -> Iterator[int]:
    """A server in a thread, on the loop that the gateway uses; gives its port."""
    make = partial(HttpProtocol, connections=connections, deadlines=deadlines)
    config = uvicorn.Config(
        app,
        port=0,
        loop="uvloop",
        http=over_tls(make, certificate, connections, deadlines),  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
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


def trusting(files: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(files[0]))


async def open_tls(port: int, files: tuple[Path, Path]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, ssl=trusting(files))


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """All that comes before the server closes the connection, in whatever way."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await reader.read()
    except ConnectionError:
        return b""


def test_requests_are_answered(files: tuple[Path, Path]) -> None:
    """One after the other on one connection, as https; at the end no place is taken."""
    connections = Connections()

    async def client(port: int) -> bytes:
        reader, writer = await open_tls(port, files)
        writer.write(GET + LAST)
        answer = await until_closed(reader)
        writer.close()
        return answer

    with serving(ServerCertificate(*files), connections) as port:
        answer = asyncio.run(client(port))
    assert (answer.count(b"200 OK"), answer.count(b"https"), connections.open) == (2, 2, 0)


def test_a_request_may_come_with_the_end_of_the_handshake(files: tuple[Path, Path]) -> None:
    """As clients of TLS 1.3 send it, to save a round trip."""

    async def client(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting(files).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        tls.write(LAST)
        writer.write(outgoing.read())
        incoming.write(await until_closed(reader))
        writer.close()
        answer = b""
        while piece := tls.read():
            answer += piece
        return answer

    with serving(ServerCertificate(*files), Connections()) as port:
        assert asyncio.run(client(port)).endswith(b"https")


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01", GET], ids=["silent", "slow", "no TLS"])
def test_who_does_not_shake_hands_is_cut_off(files: tuple[Path, Path], sent: bytes) -> None:
    """Within the deadline for a head, having been counted meanwhile; others are served."""
    connections = Connections()

    async def client(port: int) -> tuple[bytes, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        other, to_other = await open_tls(port, files)
        to_other.write(LAST)
        answers = await until_closed(reader), await until_closed(other)
        writer.close()
        to_other.close()
        return answers

    with serving(ServerCertificate(*files), connections, IMPATIENT) as port:
        refused, served = asyncio.run(client(port))
    assert b"HTTP" not in refused
    assert served.endswith(b"https")
    assert connections.open == 0


def test_the_deadline_for_the_head_began_with_the_connection(files: tuple[Path, Path]) -> None:
    """Whoever takes long for the handshake has less for the head."""

    async def client(port: int) -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        _, raw = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(1.5)
        transport = await loop.start_tls(raw.transport, raw.transport.get_protocol(), trusting(files))
        assert transport is not None
        reader = asyncio.StreamReader()
        transport.set_protocol(asyncio.StreamReaderProtocol(reader))
        await until_closed(reader)
        transport.abort()
        return loop.time() - began_s

    with serving(ServerCertificate(*files), Connections(), Deadlines(head_s=3.0, keep_alive_s=3.0)) as port:
        assert asyncio.run(client(port)) < 1.5 + 3.0


def test_connections_that_shake_hands_are_bounded(files: tuple[Path, Path]) -> None:
    """Silent ones take places; when there is none, the next is closed at once."""
    connections = Connections(ConnectionBounds(per_peer_connections=2, reserved_per_peer=1))

    async def client(port: int) -> bytes:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        ended = await until_closed(opened[3][0])
        assert connections.open == 3
        for _, writer in opened:
            writer.close()
        return ended

    with serving(ServerCertificate(*files), connections) as port:
        assert asyncio.run(client(port)) == b""


def test_a_large_answer_is_whole(files: tuple[Path, Path]) -> None:
    """Whatever of it waits where, also where the connection ends with it."""

    async def client(port: int) -> int:
        reader, writer = await open_tls(port, files)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await until_closed(reader)
        writer.close()
        return len(answer.partition(b"\r\n\r\n")[2])

    with serving(ServerCertificate(*files), Connections(), IMPATIENT, answer_much) as port:
        assert asyncio.run(client(port)) == LARGE


def test_who_is_answered_early_gets_the_answer(files: tuple[Path, Path]) -> None:
    """Though it sends on meanwhile: the server ends its own direction, and reads for a while."""

    async def client(port: int) -> bytes:
        reader, writer = await open_tls(port, files)
        writer.write(b"POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 9000000\r\n\r\n")
        for _ in range(8):
            writer.write(bytes(64 * 1024))
            await writer.drain()
        answer = await until_closed(reader)
        writer.close()
        return answer

    with serving(ServerCertificate(*files), Connections()) as port:
        assert asyncio.run(client(port)).endswith(b"https")


def test_a_new_certificate_is_for_new_connections(files: tuple[Path, Path]) -> None:
    """Open ones go on with theirs."""
    certificate = ServerCertificate(*files)

    async def client(port: int) -> list[bytes]:
        reader, writer = await open_tls(port, files)
        make_certificate(*files)
        await asyncio.to_thread(certificate.renew)
        writer.write(LAST)
        other, to_other = await open_tls(port, files)
        to_other.write(LAST)
        answers = [await until_closed(each) for each in (reader, other)]
        writer.close()
        to_other.close()
        return answers

    with serving(certificate, Connections()) as port:
        assert [answer.endswith(b"https") for answer in asyncio.run(client(port))] == [True, True]
