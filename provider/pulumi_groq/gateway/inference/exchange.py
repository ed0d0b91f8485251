"""One admitted request: out to the upstream, back to the client, settled once whatever happens."""

import asyncio
from collections.abc import Callable

from pulumi_groq.gateway.inference.asgi import Message
from pulumi_groq.gateway.inference.booking import Booking
from pulumi_groq.gateway.inference.client_watch import ClientWatch
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.inference.refusal import Refusal
from pulumi_groq.gateway.inference.relay import CLIENT_CLOSED, Client, Relay
from pulumi_groq.gateway.inference.request_body import ClientGoneError
from pulumi_groq.gateway.inference.upstream import (
    Upstream,
    UpstreamCall,
    UpstreamError,
    UpstreamTimeoutError,
)
from pulumi_groq.gateway.inference.upstream_trouble import no_answer
from pulumi_groq.gateway.inference.worst_case import WorstCase
from pulumi_groq.gateway.protocols import Lease, Metering


class Exchange:
    """Serves one admitted request. Used once."""

    def __init__(
        self,
        *,
        upstream: Upstream,
        metering: Metering,
        options: InferenceOptions,
        monotonic: Callable[[], float],
        client: Client,
        record: RequestRecord,
        lease: Lease,
        worst: WorstCase,
        hide_usage: bool,
    ) -> None:
        self._upstream = upstream
        self._metering = metering
        self._options = options
        self._monotonic = monotonic
        self._client = client
        self._record = record
        self._lease = lease
        self._booking = Booking(worst)
        self._relay = Relay(client, record, self._booking, lease.headers, options, hide_usage=hide_usage)

    async def run(self, call: UpstreamCall) -> None:
        """Forwards `call` and answers the client. Raises `Refusal` where no answer had begun.

        The reservation is settled before the last bytes go out, so whoever has read an answer to its
        end finds it in the usage.
        """
        self._record.status = CLIENT_CLOSED
        try:
            ending = await self._forward_within_bound(call)
        except Refusal as refusal:
            self._record.status = refusal.status
            refusal.headers = (*self._lease.headers, *refusal.headers)
            raise
        finally:
            await self._settle()
        if self._record.status != CLIENT_CLOSED:
            await self._relay.send(*ending)

    async def _settle(self) -> None:
        consumption = self._booking.consumption
        if consumption is not None:
            self._record.prompt_tokens = consumption.prompt_tokens
            self._record.cached_tokens = consumption.cached_tokens
            self._record.completion_tokens = consumption.completion_tokens
            self._record.cost_micro_usd = consumption.cost_micro_usd
        await self._metering.settle(self._lease, consumption, self._record.status)

    async def _forward_within_bound(self, call: UpstreamCall) -> tuple[Message, ...]:
        """The messages that end the answer; none where the client is gone for good."""
        if not self._record.stream:
            return await self._forward(call)
        try:
            async with (
                asyncio.timeout(None) as bound,
                ClientWatch(self._client.receive, bound, self._options) as watch,
            ):
                self._relay.watch = watch
                return await self._forward(call)
        except TimeoutError:
            self._record.status = CLIENT_CLOSED
            self._record.reason = watch.reason
            return ()

    async def _forward(self, call: UpstreamCall) -> tuple[Message, ...]:
        self._booking.sent()
        started = self._monotonic()
        self._record.added_s = started - self._record.ready_at
        try:
            answer = await self._upstream.send(call)
        except UpstreamError as failure:
            # A whole answer may have been generated while its head was waited for; of a stream the
            # head comes with the first token.
            sent_in_vain = isinstance(failure, UpstreamTimeoutError) and failure.sent
            if self._record.stream or not sent_in_vain:
                self._booking.refused()
            raise no_answer(failure) from failure
        except (Refusal, ClientGoneError):
            self._booking.refused()  # an upload broke off: the upstream never had the whole of it
            raise
        self._record.upstream_s = self._monotonic() - started
        try:
            return await self._relay.pass_back(answer)
        finally:
            answer.close()
