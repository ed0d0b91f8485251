"""Takes admitted requests to the upstream and back to the client; settles each once, whatever happens."""

import asyncio
from collections.abc import Callable

from pulumi_groq.gateway.http.asgi import Message
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.http.request_body import ClientGoneError
from pulumi_groq.gateway.inference.client_watch import GONE, ClientWatch
from pulumi_groq.gateway.inference.exchange import Exchange
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED
from pulumi_groq.gateway.inference.relay import Relay
from pulumi_groq.gateway.inference.upstream import (
    Upstream,
    UpstreamCall,
    UpstreamError,
    UpstreamTimeoutError,
)
from pulumi_groq.gateway.inference.upstream_trouble import no_answer
from pulumi_groq.gateway.metering.protocol import Metering


class Forwarder:
    """Serves the admitted requests of a plane."""

    def __init__(
        self,
        upstream: Upstream,
        metering: Metering,
        options: InferenceOptions,
        monotonic: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._metering = metering
        self._drain_s = options.drain_after_disconnect_s
        self._relay = Relay(options.answer_limit_bytes)
        self._monotonic = monotonic

    async def serve(self, exchange: Exchange, call: UpstreamCall) -> None:
        """Forwards `call` and answers the client. Raises `Refusal` where no answer had begun.

        The reservation is settled before the last bytes go out, so whoever has read an answer to its
        end finds it in the usage.
        """
        record = exchange.record
        record.status = CLIENT_CLOSED
        try:
            if record.stream:
                ending = await self._forward_watched(exchange, call)
            else:
                ending = await self._forward(exchange, call)
        except Refusal as refusal:
            record.status = refusal.status
            refusal.headers = (*exchange.reservation.headers, *refusal.headers)
            raise
        finally:
            consumption = exchange.charge.consumption
            record.disbelief = exchange.charge.disbelief
            if consumption is not None:
                record.prompt_tokens = consumption.prompt_tokens
                record.cached_tokens = consumption.cached_tokens
                record.completion_tokens = consumption.completion_tokens
                record.cost_micro_usd = consumption.cost_micro_usd
            await self._metering.settle(exchange.reservation, consumption, record.status)
        if record.status != CLIENT_CLOSED:
            await exchange.send(*ending)

    async def _forward_watched(self, exchange: Exchange, call: UpstreamCall) -> tuple[Message, ...]:
        """A stream, which is given up when its client is gone and the time to drain is over."""
        try:
            async with asyncio.timeout(None) as bound:
                with ClientWatch(exchange.client, bound, self._drain_s) as exchange.watch:
                    return await self._forward(exchange, call)
        except TimeoutError:
            exchange.record.status = CLIENT_CLOSED
            exchange.record.reason = GONE
            return ()
        finally:
            exchange.watch = None

    async def _forward(self, exchange: Exchange, call: UpstreamCall) -> tuple[Message, ...]:
        """The messages that end the answer."""
        record, charge = exchange.record, exchange.charge
        charge.sent()
        started = self._monotonic()
        record.added_s = started - record.ready_at
        try:
            answer = await self._upstream.send(call)
        except UpstreamError as failure:
            # A whole answer may have been generated while its head was waited for; of a stream the
            # head comes with the first token.
            sent_in_vain = isinstance(failure, UpstreamTimeoutError) and failure.sent
            if record.stream or not sent_in_vain:
                charge.refused()
            raise no_answer(failure) from failure
        except (Refusal, ClientGoneError):
            charge.refused()  # an upload broke off: the upstream never had the whole of it
            raise
        record.upstream_s = self._monotonic() - started
        try:
            return await self._relay.pass_back(exchange, answer)
        finally:
            answer.close()
