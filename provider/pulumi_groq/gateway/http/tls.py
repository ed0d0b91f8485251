"""TLS below a connection: what is written and read, its ends and its buffers are as without it.

The event loop's own TLS is none for a server in the open: whoever connects and stays silent holds a file
descriptor for a minute, uncounted; its transport has no end in one direction, and does not tell what is still
to be sent. So the records go through memory here, over the loop's plain transport.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pulumi_groq.gateway.http.certificate import ServerCertificate
from pulumi_groq.gateway.http.connections import (
    DEFAULT_DEADLINES,
    Connections,
    Deadlines,
    Place,
    peer_of,
)
from pulumi_groq.gateway.http.protocol import HttpProtocol

_READ_BYTES: Final = 64 * 1024


class TlsTransport(asyncio.Transport):
    """Encrypts what is written to `raw`."""

    def __init__(self, raw: asyncio.Transport, tls: ssl.SSLObject, outgoing: ssl.MemoryBIO) -> None:
        super().__init__()
        self._raw = raw
        self._tls = tls
        self._outgoing = outgoing
        self._has_ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it; after an end nothing is sent."""
        if self._has_ended or self._raw.is_closing():
            return
        rest = memoryview(data)
        try:
            while rest:  # a record at a time
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError:
            self._raw.abort()
        else:
            self.flush()

    def flush(self) -> None:
        """Send what TLS itself has to say."""
        if self._outgoing.pending and not self._raw.is_closing():
            self._raw.write(self._outgoing.read())

    def write_eof(self) -> None:
        """Tell the client that nothing follows; it may go on sending."""
        if not self._has_ended:
            self._has_ended = True
            with suppress(ssl.SSLError):  # that the client's own end is not here yet
                self._tls.unwrap()
            self.flush()

    def can_write_eof(self) -> bool:
        """TLS has an end in each direction."""
        return True

    def close(self) -> None:
        """Close once everything is sent, its end included."""
        self.write_eof()
        self._raw.close()

    def abort(self) -> None:
        """Cut the connection."""
        self._raw.abort()

    def is_closing(self) -> bool:
        """Whether it is being closed."""
        return self._raw.is_closing()

    def get_write_buffer_size(self) -> int:
        """Bytes that are not sent yet."""
        return self._raw.get_write_buffer_size()

    def pause_reading(self) -> None:
        """Receive no more for now."""
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._raw.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the connection knows of itself."""
        return self._raw.get_extra_info(name, default)


class TlsProtocol(asyncio.Protocol):
    """Shakes hands with a client that has just connected, then decrypts for `inner`, whose deadline for the
    head of the first request began with the connection. Before that the client has a place, too; one that
    finds none is sent away, for to tell it would take a handshake.
    """

    def __init__(
        self,
        inner: HttpProtocol,
        context: ssl.SSLContext,
        connections: Connections,
        deadlines: Deadlines,
        server: Any,
    ) -> None:
        self._inner = inner
        self._connections = connections
        self._deadlines = deadlines
        self._server = server
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._peer = ""
        self._place: Place | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stands = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # no other is made
        """A client has connected."""
        self._raw = transport
        self._transport = TlsTransport(transport, self._tls, self._outgoing)
        peer = transport.get_extra_info("peername")
        self._peer = peer_of(str(peer[0])) if isinstance(peer, tuple) else ""
        self._place = self._connections.enter(self._peer)
        if self._place is None:
            transport.abort()
            return
        self._server.connections.add(self)
        limit_s = self._deadlines.head_s if self._place is Place.ORDINARY else self._deadlines.keep_alive_s
        self._timer = asyncio.get_running_loop().call_later(limit_s, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._end_handshake()
        if self._stands:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some records, or parts of them."""
        self._incoming.write(data)
        try:
            if not self._stands:
                self._tls.do_handshake()
                self._stands = True
                self._end_handshake()
                self._inner.secured(self._transport)
            received = self._decrypted()
        except ssl.SSLWantReadError:
            self._transport.flush()
            return
        except ssl.SSLError:
            self._transport.flush()  # the alert that says why
            self._raw.close()
            return
        self._transport.flush()
        if received:
            self._inner.data_received(received)

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        if self._stands:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        if self._stands:
            self._inner.resume_writing()

    def shutdown(self) -> None:
        """The server stops: whoever has not asked for anything yet is sent away."""
        self._raw.abort()

    def _decrypted(self) -> bytes:
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(_READ_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # the client's end
            self._transport.close()
        return b"".join(pieces)

    def _end_handshake(self) -> None:
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        place, self._place = self._place, None
        if place is not None:
            self._connections.leave(self._peer, place)


def over_tls(
    make: Callable[..., HttpProtocol],
    certificate: ServerCertificate,
    connections: Connections,
    deadlines: Deadlines = DEFAULT_DEADLINES,
) -> Callable[..., TlsProtocol]:
    """What uvicorn makes of each connection, around what `make` makes."""

    def make_secured(*, server_state: Any, **others: Any) -> TlsProtocol:
        inner = make(server_state=server_state, **others)
        return TlsProtocol(inner, certificate.context, connections, deadlines, server_state)

    return make_secured
