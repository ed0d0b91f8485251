"""One request: whose it is, what is reserved for it, and the client's end of the connection."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from pulumi_groq.gateway.http.asgi import (
    Client,
    Message,
    Receive,
    Scope,
    Send,
    client_of,
    read_request_headers,
    within,
)
from pulumi_groq.gateway.http.bodies import ClientGoneError
from pulumi_groq.gateway.inference.charge import Charge
from pulumi_groq.gateway.inference.fair_share import Turn
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED, RequestRecord
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.policy.access import KeyAccess

GONE: Final = "client_gone"


class ClientWatch:
    """While entered, ends `bound` when the client is gone and the `drain_s` seconds to drain are over."""

    __slots__ = ("_bound", "_client", "_drain_s", "_end_watch", "gone")

    def __init__(self, client: Client, bound: asyncio.Timeout, drain_s: float) -> None:
        self.gone = False
        self._client = client
        self._bound = bound
        self._drain_s = drain_s
        self._end_watch: Callable[[], object] | None = None

    def __enter__(self) -> Self:
        self._end_watch = self._client.watch_departure(self.leave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._end_watch is not None:
            self._end_watch()

    def leave(self) -> None:
        """The client is gone."""
        if not self.gone:
            self.gone = True
            self._bound.reschedule(asyncio.get_running_loop().time() + self._drain_s)


TOO_SLOW: Final = "client_too_slow"


class Exchange:
    """What belongs to one request: made where it comes in, and told as it goes on whose `key` it has, what is
    reserved for it and what it is to be charged.

    `send_timeout_s`: how long the client may leave a piece unread; `hide_usage`: it did not ask for the usage
    of its stream; `watch`: set while a stream is on the way.
    """

    __slots__ = (
        "_send",
        "_send_timeout_s",
        "charge",
        "client",
        "headers",
        "hide_usage",
        "key",
        "receive",
        "record",
        "reservation",
        "scope",
        "turn",
        "watch",
    )

    key: KeyAccess
    reservation: Reservation
    charge: Charge
    turn: Turn

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, record: RequestRecord, send_timeout_s: float
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.client = client_of(scope, receive)
        self.headers = read_request_headers(scope)
        self.record = record
        self.hide_usage = False
        self.watch: ClientWatch | None = None
        self._send = send
        self._send_timeout_s = send_timeout_s

    def let_in(self, key: KeyAccess) -> None:
        """Note that the request carries `key`."""
        self.key = key
        record, client = self.record, self.scope.get("client")
        record.key_id = key.key_id
        record.user_agent = self.headers.user_agent
        if client is not None:
            record.address = client[0]

    async def answer(self, body: bytes) -> None:
        """A whole answer of the gateway's own: 200 with this JSON."""
        self.record.status = 200
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", self.record.request_id.encode()),
        ]
        await self.send(
            {"type": "http.response.start", "status": 200, "headers": headers},
            {"type": "http.response.body", "body": body},
        )

    async def send(self, *messages: Message) -> None:
        """To the client, or to nobody once a watched one has left: its stream is then read on for the usage.
        Raises `ClientGoneError` when the client does not take a message in time.
        """
        watch = self.watch
        if watch is not None and watch.gone:
            return
        try:
            if self.client.send_now(messages, self._send):
                return
            for message in messages:
                await within(self._send_timeout_s, self._send(message))
        except (TimeoutError, OSError) as failure:
            if watch is not None and not isinstance(failure, TimeoutError):
                watch.leave()
                return
            self.record.status = CLIENT_CLOSED
            self.record.reason = TOO_SLOW
            raise ClientGoneError from failure
