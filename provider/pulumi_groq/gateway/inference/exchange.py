"""One admitted request: whose it is, what is reserved for it, and the client's end of the connection."""

from typing import Final

from pulumi_groq.gateway.http.asgi import Message, Receive, Send
from pulumi_groq.gateway.http.bounded_wait import within
from pulumi_groq.gateway.http.request_body import ClientGoneError
from pulumi_groq.gateway.inference.charge import Charge
from pulumi_groq.gateway.inference.client_watch import ClientWatch
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED, RequestRecord
from pulumi_groq.gateway.inference.worst_case import WorstCase
from pulumi_groq.gateway.protocols import Lease

TOO_SLOW: Final = "client_too_slow"


class Exchange:
    """What belongs to one admitted request. `send_timeout_s`: how long the client may leave a piece unread;
    `hide_usage`: it did not ask for the usage of its stream; `watch`: set while a stream is on the way.
    """

    __slots__ = ("_send", "_send_timeout_s", "charge", "hide_usage", "lease", "receive", "record", "watch")

    def __init__(
        self,
        receive: Receive,
        send: Send,
        record: RequestRecord,
        lease: Lease,
        worst: WorstCase,
        send_timeout_s: float,
        *,
        hide_usage: bool,
    ) -> None:
        self.receive = receive
        self.record = record
        self.lease = lease
        self.charge = Charge(worst, record.request_id)
        self.hide_usage = hide_usage
        self.watch: ClientWatch | None = None
        self._send = send
        self._send_timeout_s = send_timeout_s

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
