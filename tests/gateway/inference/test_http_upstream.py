"""The connections to the upstream, without a gateway around them."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pulumi_groq.gateway.inference.http1 import BUFFER_BYTES, Http1Answer
from pulumi_groq.gateway.inference.http_upstream import HttpUpstream, UpstreamTimeouts
from pulumi_groq.gateway.inference.upstream import (
    UnknownUpstreamKeyError,
    UpstreamCall,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from pulumi_groq.gateway.upstream_keys import DEFAULT, KeySource, UpstreamKeys

KEYS = UpstreamKeys([KeySource(DEFAULT, "operator-key"), KeySource("research", "research-key")])
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def call(body: bytes | AsyncIterator[bytes] = b"{}", length_bytes: int = 0) -> UpstreamCall:
    return UpstreamCall("/openai/v1/x", b"application/json", b"*/*", b"", body, length_bytes)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request with its own body, chunked, in two writes."""
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (length, body))
        await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")


def answering(*pieces: bytes, then_close: bool = False) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then_close:
            writer.close()

    return serve


async def read(upstream: HttpUpstream, sent: UpstreamCall) -> tuple[int, bytes]:
    answer = await upstream.send(sent)
    pieces = []
    while piece := await answer.next_piece():
        pieces.append(piece)
    answer.close()
    return answer.status, b"".join(pieces)


def talk(
    serve: Serve,
    use: Callable[[HttpUpstream], Awaitable[Any]],
    *,
    read_s: float = 5.0,
    keys: UpstreamKeys = KEYS,
    **tls: Any,
) -> Any:
    """Runs `use` on an upstream in front of `serve`; nothing may take longer than 30 s."""

    writers: list[asyncio.StreamWriter] = []

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await serve(reader, writer)
            await reader.read()

    async def run() -> Any:
        server = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=tls.get("server"))
        port = server.sockets[0].getsockname()[1]
        scheme = "https" if tls else "http"
        timeouts = UpstreamTimeouts(connect_s=30, read_s=read_s)
        upstream = HttpUpstream(
            f"{scheme}://localhost:{port}", keys, timeouts=timeouts, tls=tls.get("client")
        )
        try:
            async with asyncio.timeout(60):
                return await use(upstream)
        finally:
            await upstream.close()
            server.close()
            for writer in writers:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    return asyncio.run(run())


def test_parallel_requests_get_their_own_answers() -> None:
    """Connections that change hands at once give each caller its own answer, and none waits for ever."""

    async def caller(upstream: HttpUpstream, number: int) -> list[tuple[int, bytes]]:
        return [await read(upstream, call(b"%d-%d" % (number, turn))) for turn in range(40)]

    async def use(upstream: HttpUpstream) -> Any:
        return await asyncio.gather(*(caller(upstream, number) for number in range(24)))

    assert talk(echo, use) == [
        [(200, b"%d-%d" % (number, turn)) for turn in range(40)] for number in range(24)
    ]


def test_an_unread_answer_does_not_fill_the_memory() -> None:
    """While nobody reads, the connection is not read on; then the whole answer is there."""
    size = 64_000_000  # far more than the kernel keeps for both ends
    left: list[int] = []
    looked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size))
        await asyncio.sleep(0.2)
        left.append(writer.transport.get_write_buffer_size())
        looked.set()

    async def use(upstream: HttpUpstream) -> int:
        answer = await upstream.send(call())
        await looked.wait()
        got = 0
        while piece := await answer.next_piece():
            got += len(piece)
        return got

    assert talk(serve, use) == size
    assert left[0] > 0


def test_an_interim_answer_is_passed_over() -> None:
    """103 Early Hints and 100 Continue come before the answer and are not it."""
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    serve = answering(
        hints + b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    )
    assert talk(serve, lambda upstream: read(upstream, call())) == (200, b"ok")


def test_an_answer_may_end_with_its_connection() -> None:
    """Without a length the end of the connection is the end of the answer."""
    serve = answering(b"HTTP/1.1 200 OK\r\n\r\nall", b" of it", then_close=True)
    assert talk(serve, lambda upstream: read(upstream, call())) == (200, b"all of it")


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", UpstreamUnreachableError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n", UpstreamUnreachableError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", UpstreamUnreachableError),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", UpstreamUnreachableError),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500 + b"\r\n", UpstreamUnreachableError),
        (b"", UpstreamUnreachableError),
    ],
)
def test_half_an_answer_is_an_error(head: bytes, error: type[UpstreamError]) -> None:
    """An answer that stops early, or is not HTTP/1.1, is never taken for a whole one."""
    with pytest.raises(error):
        talk(answering(head, then_close=True), lambda upstream: read(upstream, call()))


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 200 OK\r\nx: ",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: ",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: ",
    ],
    ids=["status", "header", "interim answer", "chunk extension", "trailer"],
)
def test_what_is_no_body_is_bounded(beginning: bytes) -> None:
    """A line without end is cut off long before it fills the memory."""
    sent: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(beginning)
        for _ in range(100):
            writer.write(b"a" * 100_000)
            await writer.drain()
            sent.append(100_000)

    with pytest.raises(UpstreamUnreachableError):
        talk(serve, lambda upstream: read(upstream, call()))
    assert sum(sent) < 10_000_000


def test_what_came_before_a_failure_is_read_first() -> None:
    """Chunks that arrive together with the one that cannot be read are not lost."""

    async def use(upstream: HttpUpstream) -> bytes:
        answer = await upstream.send(call())
        got = await answer.next_piece()
        with pytest.raises(UpstreamUnreachableError):
            await answer.next_piece()
        return got

    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"4\r\nsome\r\n" * 3 + b"zz\r\n"
    assert talk(answering(chunked), use) == b"some" * 3


def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    """What follows an answer belongs to no request: the connection is not used again."""
    surplus = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" * 2

    async def use(upstream: HttpUpstream) -> list[tuple[int, bytes]]:
        return [await read(upstream, call()) for _ in range(3)]

    assert talk(answering(surplus), use) == [(200, b"ok")] * 3


def test_a_refusal_may_come_before_the_upload_ends() -> None:
    """An upstream that answers early is heard, and the rest of the upload is not sent."""
    sent: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while len(sent) < 10_000:
            sent.append(1)
            yield bytes(65_536)
            await asyncio.sleep(0)

    serve = answering(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
    got = talk(serve, lambda upstream: read(upstream, call(endless(), 10**9)))
    assert got == (413, b"no")
    assert len(sent) < 10_000


def test_an_upstream_that_takes_no_upload_times_out() -> None:
    """A request that the upstream does not take is given up."""

    async def idle(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000_000)

    with pytest.raises(UpstreamTimeoutError):
        talk(idle, lambda upstream: read(upstream, call(endless(), 10**9)), read_s=0.2)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("trusted", [True, False])
def test_https_needs_a_trusted_certificate(certificate: Path, trusted: bool) -> None:
    """Over TLS the upstream is spoken to when its certificate is trusted, and only then."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context(cafile=str(certificate)) if trusted else ssl.create_default_context()

    def use(upstream: HttpUpstream) -> Awaitable[Any]:
        return read(upstream, call(b"over tls"))

    if trusted:
        assert talk(echo, use, server=server, client=client) == (200, b"over tls")
    else:
        with pytest.raises(UpstreamUnreachableError):
            talk(echo, use, server=server, client=client)


def test_what_is_left_of_an_upload_is_not_taken_for_the_next_request() -> None:
    """An answer before the end of the body: the connection is not used again."""
    requests: list[bytes] = []

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 429 X\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"A"
            await asyncio.sleep(0)

    async def use(upstream: HttpUpstream) -> list[tuple[int, bytes]]:
        return [await read(upstream, call(pieces(), 10**9)), await read(upstream, call())]

    assert talk(refusing, use) == [(429, b"{}"), (429, b"{}")]
    assert [request.split(b"\r\n")[0] for request in requests] == [b"POST /openai/v1/x HTTP/1.1"] * 2


def test_an_answer_that_nobody_reads_does_not_hold_up_the_next() -> None:
    """More than the buffer is unread when the connection is used again."""
    large = b"x" * (BUFFER_BYTES + 1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for body in (large, b"{}"):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            writer.write(b"HTTP/1.1 200 X\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    async def use(upstream: HttpUpstream) -> tuple[int, bytes]:
        unread = await upstream.send(call())
        assert isinstance(unread, Http1Answer)
        while not unread._complete:  # noqa: ASYNC110  nothing tells of it before it is read
            await asyncio.sleep(0)
        unread.close()
        return await read(upstream, call())

    assert talk(serve, use) == (200, b"{}")


async def authorization(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request with the key that it carries."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        key = head.split(b"authorization: Bearer ")[1].split(b"\r\n")[0]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(key), key))


def test_each_request_carries_the_key_that_it_names(tmp_path: Path) -> None:
    """On one connection, too, and the new value from the moment that its file was read again."""
    file = tmp_path / "key"
    file.write_text("first")
    keys = UpstreamKeys([KeySource(DEFAULT, "operator-key"), KeySource("research", file=file)])

    async def use(upstream: HttpUpstream) -> list[bytes]:
        named = [call(), call()._replace(upstream_key="research"), call()]
        seen = [(await read(upstream, each))[1] for each in named]
        file.write_text("second")
        keys.reread()
        return [*seen, (await read(upstream, named[1]))[1]]

    assert talk(authorization, use, keys=keys) == [b"operator-key", b"first", b"operator-key", b"second"]


def test_a_request_that_names_an_unknown_key_is_not_sent() -> None:
    """It must not go out with another one: that is another project's bill."""

    async def use(upstream: HttpUpstream) -> None:
        with pytest.raises(UnknownUpstreamKeyError, match="no upstream key elsewhere"):
            await upstream.send(call()._replace(upstream_key="elsewhere"))

    talk(authorization, use)
