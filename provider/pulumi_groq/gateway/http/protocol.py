"""The server's end of one connection: requests one after the other, and a deadline in every state.

It is what uvicorn's `Config(http=...)` takes. Of uvicorn it uses `config.loaded_app` and, of the server's
state, `connections`, `tasks` and `total_requests`.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pulumi_groq.gateway.http.asgi import CLIENT, Receive, Scope, Send
from pulumi_groq.gateway.http.connections import (
    DEFAULT_DEADLINES,
    Connections,
    Deadlines,
    Place,
    address_of,
    peer_of,
    too_many_connections,
)
from pulumi_groq.gateway.http.proxies import TrustedProxies
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.http.request_cycle import STATUS_LINES, FlowControl, RequestCycle
from pulumi_groq.gateway.http.request_reader import RequestHead, RequestReader
from pulumi_groq.gateway.http.write_coalescing import CoalescedTransport, WriteCoalescer

HIGH_WATER_BYTES: Final = 64 * 1024
"""Above this much body that the application has not taken, the connection is not read on."""

DISCARDED_BYTES: Final = 1024 * 1024
"""How much is read and dropped from a client that has its answer and goes on sending."""

_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
_log = logging.getLogger("pulumi_groq.gateway.http")


def _every(_path: str) -> bool:
    return True


class HttpProtocol(asyncio.Protocol):
    """One connection. Those of one `coalescer` send together, those of one `connections` are bounded.

    `is_essential` tells by its path whether a request may have a reserved place. A request that comes through
    one of the `proxies` is its client's.
    """

    __slots__ = (
        "_app",
        "_client",
        "_coalescer",
        "_connections",
        "_deadlines",
        "_discarded_bytes",
        "_flow",
        "_has_begun_head",
        "_is_ending",
        "_is_essential",
        "_is_ordinary",
        "_is_proxy",
        "_local",
        "_loop",
        "_newest",
        "_peer",
        "_place",
        "_proxies",
        "_read_s",
        "_reader",
        "_refusal",
        "_running",
        "_scheme",
        "_sent_s",
        "_server",
        "_state_since_s",
        "_timer",
        "_transport",
        "_unparsed",
        "_unsent_bytes",
        "_waiting",
    )

    def __init__(
        self,
        config: Any,
        server_state: Any,
        *,
        coalescer: WriteCoalescer | None = None,
        connections: Connections | None = None,
        deadlines: Deadlines = DEFAULT_DEADLINES,
        is_essential: Callable[[str], bool] = _every,
        proxies: TrustedProxies | None = None,
        **_others: Any,
    ) -> None:
        self._app = config.loaded_app
        self._server = server_state
        self._coalescer = coalescer or WriteCoalescer()
        self._connections = connections or Connections()
        self._deadlines = deadlines
        self._is_essential = is_essential
        self._proxies = proxies or TrustedProxies()
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader()
        self._running: RequestCycle | None = None
        self._newest: RequestCycle | None = None
        self._waiting: deque[RequestCycle] = deque()
        self._unparsed = b""
        self._refusal: Refusal | None = None
        self._place: Place | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._scheme = "http"
        self._has_begun_head = True  # the first one is awaited from the beginning
        self._state_since_s = self._read_s = self._sent_s = self._loop.time()
        self._unsent_bytes = 0
        self._discarded_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # no other is made
        """A client has connected: its first request is awaited."""
        self._transport = CoalescedTransport(transport, self._coalescer)
        self._flow = FlowControl(self._transport)
        peer = transport.get_extra_info("peername")
        self._client = (address_of(peer[0]), int(peer[1])) if isinstance(peer, tuple) else None
        self._peer = peer_of(self._client[0]) if self._client else ""
        self._is_proxy = self._client is not None and self._proxies.trusts(self._client[0])
        local = transport.get_extra_info("sockname")
        self._local = (str(local[0]), int(local[1])) if isinstance(local, tuple) else None
        self._server.connections.add(self)
        self._place = self._connections.enter(self._peer)
        self._is_ordinary = self._place is Place.ORDINARY
        self._check()
        if self._place is None:
            self._write_refusal(too_many_connections())
            self._is_ending = True
            self._transport.close()

    def secured(self, transport: asyncio.Transport) -> None:
        """A client has connected, and what passes `transport` is encrypted."""
        self._scheme = "https"
        self.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  why tells nothing more
        """The client is gone."""
        self._server.connections.discard(self)
        if self._place is not None:
            self._connections.leave(self._peer, self._place)
        if self._timer is not None:
            self._timer.cancel()
        self._is_ending = True
        for cycle in (self._running, *self._waiting):
            if cycle is not None:
                cycle.disconnect()
        self._waiting.clear()
        self._flow.resume_writing()

    def shutdown(self) -> None:
        """The server stops: the running request is the last."""
        if self._newest is None or self._newest.response_complete:
            self._transport.close()
        else:
            self._newest.keep_alive = False

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        self._flow.pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._flow.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Some bytes."""
        self._read_s = self._loop.time()
        if self._is_ending or self._refusal is not None:
            self._discard(len(data))
        elif self._waiting or self._unparsed:
            self._unparsed += data
            self._flow.pause_reading()
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Reads `data`, unless a request has to wait: then the rest waits as bytes."""
        rest: bytes | memoryview = data
        while True:
            try:
                taken = self._reader.take(rest)
            except Refusal as refusal:
                self._heed()
                self._refuse(refusal)
                return
            self._heed()
            if taken == len(rest) or self._is_ending:
                return
            rest = memoryview(rest)[taken:]
            if self._waiting:
                self._unparsed = bytes(rest)
                self._flow.pause_reading()
                return

    def _heed(self) -> None:
        """Do what follows from what was read."""
        events = self._reader.events
        has_more = False
        for event in events:
            if isinstance(event, bytes):
                has_more = self._take_body(event)
            elif event == "begun":
                self._has_begun_head = True
                self._state_since_s = self._loop.time()
            elif event == "ended":
                self._end_request()
                has_more = False
            else:
                self._take_head(event)
        events.clear()
        if has_more and self._newest is not None:
            self._newest.wake()

    def _take_head(self, head: RequestHead) -> None:
        """Serve the request, after those that came before it."""
        self._has_begun_head = False
        target = head.target
        client, peer, scheme = self._client, self._peer, self._scheme
        if self._is_proxy and client is not None:
            address, scheme = self._proxies.origin(client[0], scheme, head.headers)
            client, peer = (address, 0), peer_of(address)
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": head.http_version,
            "method": head.method,
            "scheme": scheme,
            "path": target.path,
            "raw_path": target.raw_path,
            "query_string": target.query,
            "root_path": "",
            "headers": head.headers,
            "client": client,
            "server": self._local,
        }
        cycle = RequestCycle(
            scope,
            self._transport,
            self._flow,
            _log,
            wants_100_continue=head.expects_continue,
            keep_alive=self._is_ordinary and not head.is_last,
            close=self._end,
            on_response=self._go_on,
            connections=self._connections,
            peer=peer,
        )
        scope["extensions"] = {CLIENT: cycle}
        self._newest = cycle
        if self._running is None or self._running.response_complete:
            self._start(cycle)
        else:
            self._waiting.append(cycle)

    def _take_body(self, piece: bytes) -> bool:
        """Some bytes of the body of the newest request; gives whether it has to be woken for them."""
        cycle = self._newest
        if cycle is None or cycle.response_complete:
            self._discard(len(piece))
            return False
        cycle.body += piece
        if len(cycle.body) > HIGH_WATER_BYTES:
            self._flow.pause_reading()
        return True

    def _end_request(self) -> None:
        """The newest request is whole."""
        cycle = self._newest
        if cycle is not None:
            cycle.more_body = False
            self._discarded_bytes = 0
            if cycle.response_complete:
                self._state_since_s = self._loop.time()
            else:
                cycle.wake()

    def _start(self, cycle: RequestCycle) -> None:
        self._running = cycle
        app = self._app
        if not self._is_ordinary and not self._is_essential(cycle.scope["path"]):
            app = _turn_away
        tasks = self._server.tasks
        task = self._loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(tasks.discard)
        tasks.add(task)

    def _go_on(self) -> None:
        """An answer is over: serve the next request of the connection, or wait for one."""
        self._server.total_requests += 1
        self._state_since_s = self._loop.time()
        if self._is_ending:
            return
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._refusal is not None:
            self._answer_and_end(self._refusal)
            return
        if not self._waiting:
            unparsed, self._unparsed = self._unparsed, b""
            if self._flow.read_paused:
                self._flow.resume_reading()
            if unparsed:
                self._parse(unparsed)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what is not a request, after the answers to the requests before it."""
        broken = None if self._reader.in_head else self._newest
        if broken is not None and broken is self._running:
            broken.disconnect()
            if broken.has_started:
                self._transport.abort()
                return
        elif broken is not None and self._waiting:
            self._waiting.pop()
        if self._running is None or self._running.response_complete or broken is self._running:
            self._answer_and_end(refusal)
        else:
            self._refusal = refusal

    def _answer_and_end(self, refusal: Refusal) -> None:
        self._write_refusal(refusal)
        self._linger()

    def _write_refusal(self, refusal: Refusal) -> None:
        start, body = refusal.messages()
        lines = [STATUS_LINES[refusal.status], *(b": ".join(header) for header in start["headers"]), b"", b""]
        self._transport.write(b"\r\n".join(lines) + body["body"])

    def _end(self) -> None:
        """Close, once everything is sent."""
        if self._reader.in_head:
            self._is_ending = True
            self._state_since_s = self._loop.time()
            self._transport.close()
        else:
            self._linger()

    def _linger(self) -> None:
        """Close from this side only: a client that still sends would lose the answer if nobody read on."""
        self._is_ending = True
        self._state_since_s = self._loop.time()
        self._discarded_bytes = 0
        if self._transport.is_closing():
            return
        self._transport.write_eof()
        self._flow.resume_reading()

    def _discard(self, size: int) -> None:
        self._discarded_bytes += size
        if self._discarded_bytes > DISCARDED_BYTES:
            self._transport.abort()

    def _check(self) -> None:
        """Cuts the connection if its state has lasted too long; otherwise checks again in time."""
        now = self._loop.time()
        left_s = self._due_s(now) - now
        if left_s > 0:
            self._timer = self._loop.call_later(min(left_s, self._deadlines.shortest_s), self._check)
            return
        self._transport.abort()

    def _due_s(self, now: float) -> float:
        """When the present state has lasted too long."""
        deadlines = self._deadlines
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes != self._unsent_bytes or not unsent_bytes:
            self._unsent_bytes = unsent_bytes
            self._sent_s = now
        if unsent_bytes:
            return self._sent_s + deadlines.write_s
        since_s = self._state_since_s
        if self._is_ending:
            return since_s + deadlines.linger_s
        cycle = self._running
        if cycle is not None and not cycle.response_complete:
            is_sending = cycle.more_body and not self._flow.read_paused
            return self._read_s + deadlines.body_s if is_sending else math.inf
        if not self._reader.in_head:
            return since_s + deadlines.early_s
        if self._has_begun_head and self._is_ordinary:
            return since_s + deadlines.head_s
        return since_s + deadlines.keep_alive_s


async def _turn_away(_scope: Scope, _receive: Receive, send: Send) -> None:
    for message in too_many_connections().messages():
        await send(message)
