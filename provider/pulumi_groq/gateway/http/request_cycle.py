"""One request on a connection and its answer, which is sent in as few system calls as possible.

uvloop sends each write at once, which costs more than making the answer does, so head and body are written
together. No headers are added but those that say how the body ends and that the connection closes.
"""

import asyncio
import string
from collections.abc import Callable
from http import HTTPStatus
from logging import Logger
from operator import itemgetter
from typing import Any, Final

from pulumi_groq.gateway.http.connections import Connections
from pulumi_groq.gateway.http.refusal import gateway_failed
from pulumi_groq.gateway.http.write_coalescing import CoalescedTransport


class FlowControl:
    """Pauses and resumes reading, and lets writers wait for a client that takes more."""

    __slots__ = ("_transport", "_writable", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._writable: asyncio.Event | None = None
        self.read_paused = False
        self.write_paused = False

    async def drain(self) -> None:
        """Returns once more may be written."""
        if self._writable is not None:
            await self._writable.wait()

    def pause_reading(self) -> None:
        """Receive no more for now."""
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        if self.read_paused:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The client does not keep up: writers wait."""
        if not self.write_paused:
            self.write_paused = True
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """The client has taken what was sent, or is gone."""
        if self.write_paused:
            self.write_paused = False
            if self._writable is not None:
                self._writable.set()


_CONTROLS: Final = bytes([*range(9), *range(10, 32), 127])
_NO_NAME: Final = _CONTROLS + b'\t ()<>@,;:\\[]={}"' + string.ascii_uppercase.encode()
_FRAMING: Final = frozenset((b"content-length", b"transfer-encoding", b"connection"))
UNCOUNTED_BYTES: Final = 16 * 1024
"""A request that keeps no more than this is not counted: the bound on connections covers it."""

_BODILESS: Final = (204, 304)
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}".encode() for status in range(100, 600)
}
_AS_LINE: Final = b": ".join
_NAME: Final = itemgetter(0)
_END_OF_HEAD: Final = (b"", b"")


class RequestCycle:
    """An answer's pieces go out with what else is written in their turn of the loop, its end at once where
    no other request is served; the head of an answer with a length waits for its body.

    The protocol adds to `body`, says by `more_body` whether more follows, and then calls `wake`; it calls
    `disconnect` when the client is gone. `close` ends the connection once what was written is sent,
    `on_response` is called when the answer is complete. It is the application's `Client`, too.
    """

    __slots__ = (
        "_chunked",
        "_close",
        "_connections",
        "_departed",
        "_ends_by_close",
        "_flow",
        "_has_arrived",
        "_held",
        "_is_old",
        "_kept_bytes",
        "_logger",
        "_method",
        "_on_response",
        "_peer",
        "_size",
        "_started",
        "_transport",
        "_unsent_bytes",
        "_waiter",
        "_wants_100_continue",
        "body",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
        "scope",
    )

    def __init__(
        self,
        scope: Any,
        transport: CoalescedTransport,
        flow: FlowControl,
        logger: Logger,
        *,
        wants_100_continue: bool,
        keep_alive: bool,
        close: Callable[[], None],
        on_response: Callable[[], None],
        connections: Connections | None = None,
        peer: str = "",
    ) -> None:
        self.scope = scope
        self._method = scope["method"]
        self._is_old = scope["http_version"] == "1.0"
        self._transport = transport
        self._flow = flow
        self._logger = logger
        self._close = close
        self._on_response = on_response
        self._wants_100_continue = wants_100_continue
        self._connections = connections
        self._peer = peer
        self.keep_alive = keep_alive
        self.disconnected = False
        self.body = bytearray()
        self.more_body = True
        self.response_complete = False
        self._waiter: asyncio.Future[None] | None = None
        self._departed: Callable[[], None] | None = None
        self._has_arrived = False
        self._started = False
        self._chunked: bool | None = None
        self._ends_by_close = False
        self._unsent_bytes = 0
        self._kept_bytes = self._size = 0
        self._held = b""

    async def run_asgi(self, app: Any) -> None:
        """Serve the request; an answer that does not end is cut off, one that does not begin is a 500."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as failure:
            if not _is_cut_off(failure):
                self._logger.error("Exception in ASGI application\n", exc_info=failure)
            await self._fail()
        else:
            if not self.response_complete and not self.disconnected:
                self._logger.error("ASGI callable returned without completing response.")
                await self._fail()
        finally:
            # The connection and the scope refer to this object, too.
            self._on_response = self._close = _nothing
            self.scope = {}
            if self._kept_bytes and self._connections is not None:
                self._connections.let_go(self._peer, self._kept_bytes)

    async def receive(self) -> Any:
        """The next piece of the request's body, or the message that the client is gone or has its answer."""
        if self._wants_100_continue and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._wants_100_continue = False
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            while not self._has_arrived:
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
            self._has_arrived = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body = bytes(self.body)
        self.body.clear()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def arrived_body(self) -> bytes | None:
        """The body of the request, if all of it is here and none of it has been received."""
        if self.more_body or not self._has_arrived or self._wants_100_continue or self.disconnected:
            return None
        if self._flow.read_paused:
            self._flow.resume_reading()
        self._has_arrived = False
        body = bytes(self.body)
        self.body.clear()
        return body

    def wake(self) -> None:
        """Something of the request has arrived, or nothing more will."""
        self._has_arrived = True
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def disconnect(self) -> None:
        """The client is gone, or what it sends is not to be read on."""
        if not self.response_complete:
            self.disconnected = True
            if self._departed is not None:
                self._departed()
        self.wake()

    @property
    def has_started(self) -> bool:
        """Whether the head of the answer has been made."""
        return self._started

    def watch_departure(self, left: Callable[[], None]) -> Callable[[], None]:
        """Calls `left` once when the client is gone, at once if it is; what is returned ends the watch."""
        self._departed = left
        if self.disconnected:
            left()
        return self._end_watch

    def hold(self, size: int) -> None:
        """`size` more bytes of the request are kept until it is over. Raises `Refusal` 503 for too many."""
        self._size += size
        if self._size > UNCOUNTED_BYTES and self._connections is not None:
            self._connections.keep(self._peer, self._size - self._kept_bytes)
            self._kept_bytes = self._size

    def abort(self) -> None:
        """Cut the connection without an answer."""
        self._transport.abort()

    def _end_watch(self) -> None:
        self._departed = None

    async def send(self, message: Any) -> None:
        """Send the head or a piece of the body, once the client takes more."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        self._take((message,))

    def send_now(self, messages: Any, send: Any) -> bool:
        """As `send`, unless that could wait for the client or is not what is called."""
        if self._flow.write_paused or send != self.send:
            return False
        self._take(messages)
        return True

    def _take(self, messages: Any) -> None:
        for message in messages:
            if self.disconnected:
                return
            if not self._started:
                self._begin(message)
            elif not self.response_complete:
                self._go_on(message)
            else:
                raise RuntimeError(f"'{message['type']}' after the answer was complete")

    def _begin(self, message: Any) -> None:
        if message["type"] != "http.response.start":
            raise RuntimeError(f"'{message['type']}' before the answer has begun")
        self._started = True
        self._wants_100_continue = False
        if self._connections is not None and self._connections.are_ending:
            self.keep_alive = False
        status, headers = message["status"], message["headers"]
        if self._is_old:
            headers = [header for header in headers if header[0] != b"transfer-encoding"]
        lines = [STATUS_LINES[status], *map(_AS_LINE, headers)]
        if not self._read_framing(headers) and not self.keep_alive:
            lines.append(b"connection: close")
        if self._chunked is None and self._method != "HEAD" and status not in _BODILESS:
            self._ends_by_close = self._is_old  # such a client knows no chunks
            if not self._is_old:
                self._chunked = True
                lines.append(b"transfer-encoding: chunked")
        lines += _END_OF_HEAD
        head = b"\r\n".join(lines)
        if len(head.translate(None, _CONTROLS)) != len(head) - 2 * (len(lines) - 1):
            raise RuntimeError("Invalid HTTP header: it has control characters.")
        if self._chunked or self._ends_by_close:
            self._transport.write_soon(head)
        else:
            self._held = head

    def _read_framing(self, headers: Any) -> bool:
        """How the body ends and whether the connection stays; true if `headers` say that it does not."""
        names = [*map(_NAME, headers)]
        joined = b"".join(names)
        if len(joined.translate(None, _NO_NAME)) != len(joined):
            raise RuntimeError("Invalid HTTP header name.")
        if b"connection" not in names and b"transfer-encoding" not in names:
            if b"content-length" in names:
                self._unsent_bytes = int(headers[names.index(b"content-length")][1])
                self._chunked = False
            return False
        return self._read_all_framing(headers)

    def _read_all_framing(self, headers: Any) -> bool:
        closes = False
        for name, value in headers:
            if name not in _FRAMING:
                continue
            if name == b"connection":
                closes |= b"close" in [token.strip() for token in value.lower().split(b",")]
            elif name == b"content-length":
                if self._chunked is None:
                    self._unsent_bytes = int(value)
                    self._chunked = False
            elif value.lower() == b"chunked":
                self._unsent_bytes = 0
                self._chunked = True
        if closes:
            self.keep_alive = False
        return closes

    def _go_on(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"'{message['type']}' in the body of an answer")
        body = message.get("body", b"")
        last = not message.get("more_body", False)
        piece = self._framed(body, last=last)
        if last:
            self._end(piece)
        else:
            self._transport.write_soon(piece)

    def _framed(self, body: bytes, *, last: bool) -> bytes:
        held, self._held = self._held, b""
        if self._method == "HEAD":
            self._unsent_bytes = 0
            return held
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk + b"0\r\n\r\n" if last else chunk
        if self._ends_by_close:
            return body
        if len(body) > self._unsent_bytes:
            raise RuntimeError("Response content longer than Content-Length")
        self._unsent_bytes -= len(body)
        return held + body

    def _end(self, piece: bytes) -> None:
        if self._unsent_bytes:
            raise RuntimeError("Response content shorter than Content-Length")
        self.response_complete = True
        self.wake()
        self._transport.write(piece)
        if not self.keep_alive:
            self._close()
        self._on_response()

    async def _fail(self) -> None:
        if self._ends_by_close:
            self._transport.abort()  # an end would make half of an answer look whole
        elif self._started:
            self._transport.close()
        else:
            await self._send_500()

    async def _send_500(self) -> None:
        for message in gateway_failed().messages():
            await self.send(message)


def _is_cut_off(failure: BaseException) -> bool:
    """Whether the stop ended the request, as uvicorn tells of all of them at once."""
    task = asyncio.current_task()
    return isinstance(failure, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _nothing() -> None:
    """Does nothing."""
