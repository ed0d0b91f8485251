"""One request: whose it is, what is reserved for it, and the client's end of the connection."""

from typing import Final

from pulumi_groq.gateway.http.asgi import Message, Receive, Scope, Send
from pulumi_groq.gateway.http.bounded_wait import within
from pulumi_groq.gateway.http.client import client_of
from pulumi_groq.gateway.http.request_body import ClientGoneError
from pulumi_groq.gateway.http.request_headers import read_request_headers
from pulumi_groq.gateway.inference.charge import Charge
from pulumi_groq.gateway.inference.client_watch import ClientWatch
from pulumi_groq.gateway.inference.cost_estimate import CostEstimate
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED, RequestRecord
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.policy.access import KeyAccess

TOO_SLOW: Final = "client_too_slow"


class Exchange:
    """What belongs to one request: made where it comes in, and told as it goes on whose `key` it has and what
    is reserved for it.

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
        "watch",
    )

    key: KeyAccess
    reservation: Reservation
    charge: Charge

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
        self.record.key_id = key.key_id

    def admit(self, reservation: Reservation, estimate: CostEstimate, *, hide_usage: bool) -> None:
        """Note that the worst case is reserved, so the request may go upstream."""
        self.reservation = reservation
        self.charge = Charge(estimate, self.record.request_id)
        self.hide_usage = hide_usage

    async def send(self, *messages: Message) -> None:
        """To the client, or to nobody once a watched one has left: its stream is then read on for the usage.
        Raises `ClientGoneError` when the client does not take a message in time.
        """
        watch = self.watch
        if watch is not None and watch.gone:
            return
        try:
            for message in messages:
                await within(self._send_timeout_s, self._send(message))
        except (TimeoutError, OSError) as failure:
            if watch is not None and not isinstance(failure, TimeoutError):
                watch.leave()
                return
            self.record.status = CLIENT_CLOSED
            self.record.reason = TOO_SLOW
            raise ClientGoneError from failure
