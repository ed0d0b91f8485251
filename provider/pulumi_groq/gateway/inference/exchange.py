"""One admitted request: out to the upstream, back to the client, settled once whatever happens."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pulumi_groq.gateway.inference.answer_headers import AnswerHeaders
from pulumi_groq.gateway.inference.asgi import Message, Receive, Send
from pulumi_groq.gateway.inference.booking import Booking
from pulumi_groq.gateway.inference.client_watch import ClientWatch
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.inference.refusal import Refusal
from pulumi_groq.gateway.inference.request_body import ClientGoneError
from pulumi_groq.gateway.inference.sse import SseRelay
from pulumi_groq.gateway.inference.upstream import (
    Upstream,
    UpstreamAnswer,
    UpstreamCall,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from pulumi_groq.gateway.inference.upstream_trouble import (
    answer_too_large,
    bad_answer,
    broken_stream_frame,
    is_permission_error,
    key_rejected,
    no_answer,
)
from pulumi_groq.gateway.inference.usage import audio_ms_in, usage_in
from pulumi_groq.gateway.inference.worst_case import WorstCase
from pulumi_groq.gateway.protocols import Lease, Metering

CLIENT_CLOSED = 499
"""Recorded for a request whose client did not stay for the answer (Groq's console uses it too)."""


@dataclass(frozen=True, slots=True)
class Client:
    """The client's end of the connection."""

    receive: Receive
    send: Send


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
        self._hide_usage = hide_usage
        self._watch: ClientWatch | None = None

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
            await self._send(*ending)

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
            async with asyncio.timeout(None) as bound:
                self._watch = ClientWatch(self._client.receive, bound, self._options.drain_after_disconnect_s)
                return await self._forward(call)
        except TimeoutError:
            self._record.status = CLIENT_CLOSED
            return ()
        finally:
            if self._watch is not None:
                self._watch.stop()

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
            return await self._relay(answer)
        finally:
            answer.close()

    async def _relay(self, answer: UpstreamAnswer) -> tuple[Message, ...]:
        headers = AnswerHeaders(answer.headers)
        self._record.upstream_request_id = headers.upstream_request_id.decode("latin-1")
        succeeded = 200 <= answer.status < 300
        if not succeeded:
            self._booking.refused()
        if answer.status < 200 or 300 <= answer.status < 400:
            raise bad_answer(answer.status)
        if succeeded and headers.content_type.startswith(b"text/event-stream"):
            return await self._relay_stream(answer, headers)
        if succeeded and headers.content_type.startswith((b"audio/", b"application/octet-stream")):
            return await self._relay_binary(answer, headers)
        return await self._relay_whole(answer, headers)

    async def _relay_whole(self, answer: UpstreamAnswer, headers: AnswerHeaders) -> tuple[Message, ...]:
        try:
            body = await self._read_whole(answer)
        except UpstreamError as failure:
            raise no_answer(failure) from failure
        if answer.status == 401 or (answer.status == 403 and not is_permission_error(body)):
            raise key_rejected(answer.status)
        if answer.status < 400:
            self._book_whole(body)
        self._record.status = answer.status
        lines = headers.lines(self._record.request_id, self._lease.headers)
        lines.append((b"content-length", b"%d" % len(body)))
        return (
            {"type": "http.response.start", "status": answer.status, "headers": lines},
            {"type": "http.response.body", "body": body},
        )

    async def _read_whole(self, answer: UpstreamAnswer) -> bytes:
        pieces = []
        size = 0
        while piece := await answer.next_piece():
            pieces.append(piece)
            size += len(piece)
            if size > self._options.answer_limit_bytes:
                raise answer_too_large(self._options.answer_limit_bytes)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _book_whole(self, body: bytes) -> None:
        if self._booking.worst.model.kind == "transcription":
            heard_ms = audio_ms_in(body)
            if heard_ms is not None:
                self._booking.heard(heard_ms)
        elif (usage := usage_in(body)) is not None:
            self._booking.used(usage)

    async def _relay_binary(self, answer: UpstreamAnswer, headers: AnswerHeaders) -> tuple[Message, ...]:
        """Speech: priced before it was sent, so there is nothing to read in it."""
        await self._send_start(answer.status, headers)
        try:
            while piece := await answer.next_piece():
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        except UpstreamError as failure:
            # Half an audio file must not look whole: without an end the server cuts the connection.
            self._record.reason = no_answer(failure).reason
            return ()
        return ({"type": "http.response.body"},)

    async def _relay_stream(self, answer: UpstreamAnswer, headers: AnswerHeaders) -> tuple[Message, ...]:
        relay = SseRelay(hide_usage=self._hide_usage)
        broken = False
        held = b""
        try:
            await self._send_start(answer.status, headers)
            while piece := await answer.next_piece():
                if held:
                    await self._pass_on(held)
                    held = b""
                passed = relay.feed(piece)
                if relay.may_end_with(passed):
                    held = passed
                elif passed:
                    await self._pass_on(passed)
            rest = relay.rest()
            if not relay.ended:
                raise UpstreamUnreachableError("the stream ended before its last event")
            held += rest
        except UpstreamError as failure:
            broken = True
            trouble = no_answer(failure)
            self._record.reason = trouble.reason
            held += broken_stream_frame(self._record.request_id, trouble)
        finally:
            self._book_stream(relay, broken=broken)
        if self._watch is not None and self._watch.gone:
            self._record.status = CLIENT_CLOSED
        return ({"type": "http.response.body", "body": held},)

    def _book_stream(self, relay: SseRelay, *, broken: bool) -> None:
        usage = relay.usage()
        if usage is not None:
            self._booking.used(usage)
        elif broken:
            self._booking.counted(relay.counted_tokens)
        else:
            self._booking.at_least(relay.counted_tokens)

    async def _send_start(self, status: int, headers: AnswerHeaders) -> None:
        self._record.status = status
        lines = headers.lines(self._record.request_id, self._lease.headers)
        await self._send({"type": "http.response.start", "status": status, "headers": lines})

    async def _pass_on(self, piece: bytes) -> None:
        """To the client, or to nobody: after the client left, the stream is read for its usage only."""
        if self._watch is not None and self._watch.gone:
            return
        try:
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        except ClientGoneError:
            if self._watch is None:
                raise
            self._watch.leave()

    async def _send(self, *messages: Message) -> None:
        try:
            async with asyncio.timeout(self._options.send_timeout_s):
                for message in messages:
                    await self._client.send(message)
        except (TimeoutError, OSError) as failure:
            self._record.status = CLIENT_CLOSED
            self._record.reason = "client_too_slow"
            raise ClientGoneError from failure
