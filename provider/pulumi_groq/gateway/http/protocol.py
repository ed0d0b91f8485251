"""uvicorn's HTTP protocol with bounds on the head of a request, which uvicorn leaves open with httptools."""

import asyncio
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal
from pulumi_groq.gateway.http.request_cycle import RequestCycle
from pulumi_groq.gateway.http.write_coalescing import CoalescedTransport, WriteCoalescer

HEAD_LIMIT_BYTES: Final = 64 * 1024
_TOO_LARGE: Final = Refusal(
    431,
    INVALID_REQUEST,
    f"The head of the request is too large: send fewer or shorter headers, at most {HEAD_LIMIT_BYTES} bytes",
    code="request_header_fields_too_large",
)


class BoundedProtocol(HttpToolsProtocol):
    """A head over 64 KiB is answered with 431; one that does not arrive in time is cut off.

    Requests are served without what the gateway does not use of uvicorn: `root_path`,
    `limit_concurrency`, WebSockets, its access log and its default headers. The connections of one
    `coalescer` send together.
    """

    head_timeout_s: ClassVar[float] = 30.0

    _in_head = True
    _head_bytes = 0
    _heads = 0
    _head_timer: asyncio.TimerHandle | None = None
    _idle_since_s: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None

    transport: CoalescedTransport

    def __init__(self, *args: Any, coalescer: WriteCoalescer | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._coalescer = coalescer or WriteCoalescer()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected: its first request is awaited."""
        super().connection_made(CoalescedTransport(transport, self._coalescer))
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Some bytes of a head or a body."""
        self._idle_since_s = None
        was_in_head, heads = self._in_head, self._heads
        super().data_received(data)
        # Most heads arrive whole, and no timer is ever set for them.
        if not self._in_head:
            self._stop_waiting()
        elif self._head_timer is None or self._heads != heads:
            self._stop_waiting()
            self._await_head()
        # Bytes that also end an earlier request are not counted: whose they are is not known here.
        if self._in_head and was_in_head and self._heads == heads:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
                self._refuse()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: serve the request, after those that came before it."""
        self._in_head = False
        self._heads += 1
        parser, scope, last = self.parser, self.scope, self.cycle
        http_version = parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["method"] = parser.get_method().decode("ascii")
        scope["http_version"] = http_version
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        cycle = RequestCycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            wants_100_continue=self.expect_100_continue,
            keep_alive=http_version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self.cycle = cycle  # type: ignore[assignment]  # in the place of uvicorn's
        if last is None or last.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_response_complete(self) -> None:
        """An answer is over: serve the next request of the connection, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since_s = self.loop.time()
            if self._idle_timer is None:
                self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def _close_if_idle(self) -> None:
        """One timer for many answers: most are followed by a request long before it is due."""
        self._idle_timer = None
        if self._idle_since_s is None:
            return
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._idle_timer = self.loop.call_later(left_s, self._close_if_idle)
        else:
            self.transport.close()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self) -> None:
        self.transport.write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
            b"content-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(_TOO_LARGE.body()), _TOO_LARGE.body())
        )
        self.transport.close()
