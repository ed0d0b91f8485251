"""One HTTP/1.1 connection to the upstream: one request at a time, parsed by httptools.

Made for forwarding: a general client takes about half of the gateway's time per request for features that a
gateway must not use (redirects, cookies, proxies, decoding). See benchmarks/gateway.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import httptools

from pulumi_groq.gateway.http.asgi import Header
from pulumi_groq.gateway.http.write_coalescing import CoalescedTransport, WriteCoalescer
from pulumi_groq.gateway.inference.upstream import (
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)

BUFFER_BYTES: Final = 256 * 1024
"""Above this much unread answer, the connection is not read on."""

HEAD_LINES: Final = 256
BODILESS_BYTES: Final = 256 * 1024
"""What may come in one piece after another without a byte of the body: a head, what frames chunks, trailers.
The parser keeps all of a line until it ends.
"""


class Http1Answer:
    """What arrived for one request; filled by the connection, read by `next_piece`."""

    __slots__ = (
        "_buffered",
        "_complete",
        "_connection",
        "_failure",
        "_pieces",
        "_waiter",
        "_waiting_since_s",
        "headers",
        "status",
    )

    def __init__(self, connection: "Http1Connection") -> None:
        self.status = 0  # until the head has arrived
        self.headers: list[Header] = []
        self._connection = connection
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._complete = False
        self._failure: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_since_s = 0.0

    async def head(self) -> None:
        """Returns once status and headers are there. Raises `UpstreamError`."""
        while not self.status:
            if self._failure is not None:
                raise self._failure
            await self._arrival()

    async def next_piece(self) -> bytes:
        """All that has arrived and was not read yet; empty at the end. Raises `UpstreamError`."""
        while not self._pieces:
            if self._complete:
                return b""
            if self._failure is not None:
                raise self._failure
            await self._arrival()
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._buffered > BUFFER_BYTES:
            self._connection.resume()
        self._buffered = 0
        return piece

    def close(self) -> None:
        """Cuts the connection, unless the answer is complete: then it is in the pool again."""
        if not self._complete:
            self._connection.abort()

    def wake(self) -> None:
        """Something has changed: wake whoever waits."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def waiting_since_s(self) -> float | None:
        """Since when somebody waits for the upstream, on the loop's clock."""
        return None if self._waiter is None or self._waiter.done() else self._waiting_since_s

    def _arrival(self) -> asyncio.Future[None]:
        # The waiter is the answer's own: the connection may serve the next request before this one's
        # reader has run again.
        loop = self._connection.loop
        self._waiter = loop.create_future()
        self._waiting_since_s = loop.time()
        self._connection.watch()
        return self._waiter

    def add(self, piece: bytes) -> bool:
        """Keeps a piece; gives whether so much is unread that reading has to pause."""
        self._pieces.append(piece)
        self._buffered += len(piece)
        return self._buffered > BUFFER_BYTES

    def finish(self) -> bool:
        """The message is complete; gives whether reading has paused for it."""
        self._complete = True
        return self._buffered > BUFFER_BYTES

    def fail(self, failure: UpstreamError) -> None:
        """Nothing more will come."""
        self._failure = self._failure or failure


class Http1Connection(asyncio.Protocol):
    """`release` is called when an answer is complete and the connection may be used again.

    `read_s` bounds each wait for the upstream's next bytes. The connections of one `coalescer` send together.
    """

    def __init__(
        self, read_s: float, release: Callable[["Http1Connection"], None], coalescer: WriteCoalescer
    ) -> None:
        self.idle_since_s = 0.0
        self.is_open = False
        """Whether another request may be written to it."""
        self._read_s = read_s
        self._release = release
        self.loop = asyncio.get_running_loop()
        # The parser appends to this list itself: forty chunks of a stream may come with one read.
        self._body: list[bytes] = []
        self.on_body = self._body.append
        self._parser = httptools.HttpResponseParser(self)
        self._coalescer = coalescer
        self._transport: CoalescedTransport | None = None
        self._answer: Http1Answer | None = None
        self._headers: list[Header] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_written = False
        self._bodiless_bytes = 0

    async def request(self, head: bytes, body: bytes | AsyncIterator[bytes]) -> Http1Answer:
        """Writes a request and returns the answer once its head has arrived. Raises `UpstreamError`."""
        answer = self._answer = Http1Answer(self)
        self._bodiless_bytes = 0
        try:
            if isinstance(body, bytes):
                self._is_written = True
                if self._transport is not None:
                    self._transport.write(head + body)
            else:
                self._is_written = False
                self._write(head)
                await self._write_all(body, answer)
            await answer.head()
        except BaseException:
            answer.close()
            raise
        return answer

    def watch(self) -> None:
        """Makes sure that the present wait ends after `read_s`."""
        if self._timer is None:
            self._timer = self.loop.call_later(self._read_s, self._check_wait)

    def resume(self) -> None:
        """Reads on after too much was waiting."""
        if self.is_open and self._transport is not None:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Ends the connection at once."""
        self.is_open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # TCP and TLS transports are both Transports.
        self._transport = CoalescedTransport(transport, self._coalescer)  # type: ignore[arg-type]
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.abort()  # nothing was asked
            return
        try:
            self._parser.feed_data(data)
            if self._body:
                self._bodiless_bytes = 0
                self._hand_over()
            else:
                self._bodiless_bytes += len(data)
            if self._bodiless_bytes > BODILESS_BYTES and self._answer is not None:
                self._fail(UpstreamUnreachableError("the answer's head, or what frames it, is too long"))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._hand_over()
            self._fail(UpstreamUnreachableError("the answer is not HTTP/1.1"))
        answer.wake()

    def eof_received(self) -> None:
        """The transport closes itself."""
        self.is_open = False

    def connection_lost(self, failure: Exception | None) -> None:
        answer = self._answer
        if answer is not None and answer.status and failure is None and self._ends_with_connection():
            answer.finish()
        elif answer is not None:
            answer.fail(UpstreamUnreachableError("the upstream closed the connection"))
        self._answer = None
        self.abort()
        self._writable.set()
        if answer is not None:
            answer.wake()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def on_message_begin(self) -> None:
        if self._answer is None:
            self.abort()  # more than was asked for: nobody may take it for the next answer
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))
        if len(self._headers) > HEAD_LINES:
            self._fail(UpstreamUnreachableError("the answer's head is too long"))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._answer is not None and status >= 200:
            self._answer.headers = self._headers
            self._answer.status = status

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer is None or not answer.status:
            return  # an interim answer: 100 or 103
        self._hand_over()
        has_paused = answer.finish()
        self._answer = None
        # What is left of a request that was answered early would be taken for the next one.
        if self._parser.should_keep_alive() and self._is_written and self._writable.is_set():
            if has_paused:  # what is unread of this one must not keep the next away
                self.resume()
            self.idle_since_s = self.loop.time()
            self._release(self)
        else:
            self.abort()

    def _hand_over(self) -> None:
        """What has arrived of the body goes to the answer; what nobody asked for is dropped."""
        body = self._body
        if body:
            piece = body[0] if len(body) == 1 else b"".join(body)
            body.clear()
            has_to_pause = self._answer is not None and self._answer.add(piece)
            if has_to_pause and self._transport is not None:
                self._transport.pause_reading()

    def _ends_with_connection(self) -> bool:
        """Whether the present answer states no length of its own."""
        return not any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    async def _write_all(self, body: AsyncIterator[bytes], answer: Http1Answer) -> None:
        async for piece in body:
            if answer.status or not self.is_open:
                return  # answered before it was complete: a refusal
            self._write(piece)
            await self._wait_writable()
        self._is_written = True

    async def _wait_writable(self) -> None:
        try:
            async with asyncio.timeout(self._read_s):
                await self._writable.wait()
        except TimeoutError as failure:
            raise UpstreamTimeoutError(
                "the upstream did not take the request in time", sent=False
            ) from failure

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _fail(self, failure: UpstreamError) -> None:
        answer, self._answer = self._answer, None
        self.abort()
        if answer is not None:
            answer.fail(failure)
            answer.wake()

    def _check_wait(self) -> None:
        """One timer for many waits: it is only moved on when it fires, not with every piece."""
        self._timer = None
        since_s = None if self._answer is None else self._answer.waiting_since_s
        if since_s is None:
            return
        left_s = since_s + self._read_s - self.loop.time()
        if left_s > 0:
            self._timer = self.loop.call_later(left_s, self._check_wait)
        else:
            self._fail(UpstreamTimeoutError("no bytes from the upstream in time"))
