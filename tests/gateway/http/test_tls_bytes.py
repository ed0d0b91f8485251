"""Whatever bytes come where TLS is awaited, or where it stands, nothing is raised and no place is lost."""

import asyncio
import ssl
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates import make_certificate
from pulumi_groq.gateway.http.asgi import Receive, Scope, Send
from pulumi_groq.gateway.http.certificate import ServerCertificate
from pulumi_groq.gateway.http.connections import Connections
from pulumi_groq.gateway.http.protocol import HttpProtocol
from pulumi_groq.gateway.http.tls import TlsProtocol, over_tls

GET = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    """One for the whole module."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder / "tls.crt", folder / "tls.key")
    return ServerCertificate(folder / "tls.crt", folder / "tls.key")


class Wire(asyncio.Transport):
    """Keeps what the server writes, and whether it has closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def taken(self) -> bytes:
        sent, self.sent = self.sent, b""
        return sent

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        return

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Client:
    """A client in memory, and the server's end of its connection."""

    def __init__(self, certificate: ServerCertificate) -> None:
        self.connections = Connections()
        self.wire = Wire()
        config = SimpleNamespace(loaded_app=answer)
        state = SimpleNamespace(connections=set(), tasks=set(), total_requests=0)
        make = over_tls(
            lambda **given: HttpProtocol(connections=self.connections, **given), certificate, self.connections
        )
        self.server: TlsProtocol = make(config=config, server_state=state)
        self.server.connection_made(self.wire)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        untrusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        untrusting.check_hostname, untrusting.verify_mode = False, ssl.CERT_NONE
        self._tls = untrusting.wrap_bio(self._incoming, self._outgoing)

    def shake_hands(self) -> None:
        for _ in range(4):
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.server.data_received(self._outgoing.read())
                self._incoming.write(self.wire.taken())
        self.server.data_received(self._outgoing.read())

    def encrypted(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._outgoing.read()


pieces = st.lists(st.one_of(st.binary(max_size=200), st.just(b"\x16\x03\x01\x00\x05hello"), st.just(GET)))


@given(handshake=st.booleans(), received=pieces, cut=st.integers(0, 60))
def test_no_bytes_make_it_fail(
    certificate: ServerCertificate, handshake: bool, received: list[bytes], cut: int
) -> None:
    """Before the handshake or after it, with half a record of a request in front."""

    async def connection() -> None:
        client = Client(certificate)
        if handshake:
            client.shake_hands()
            client.server.data_received(client.encrypted(GET)[:cut])
        for piece in received:
            client.server.data_received(piece)
            await asyncio.sleep(0)
        client.server.connection_lost(None)
        await asyncio.sleep(0)
        assert client.connections.open == 0

    asyncio.run(connection())


@given(st.lists(st.integers(1, 100)))
def test_records_may_come_in_any_parts(certificate: ServerCertificate, sizes: list[int]) -> None:
    """The request is answered when its last byte is there."""

    async def connection() -> bytes:
        client = Client(certificate)
        client.shake_hands()
        client.wire.taken()
        rest = client.encrypted(GET)
        for size in [*sizes, len(rest)]:
            piece, rest = rest[:size], rest[size:]
            if piece:
                assert client.wire.sent == b""
                client.server.data_received(piece)
                for _ in range(3):
                    await asyncio.sleep(0)
        sent = client.wire.taken()
        client.server.connection_lost(None)
        return sent

    assert asyncio.run(connection())
