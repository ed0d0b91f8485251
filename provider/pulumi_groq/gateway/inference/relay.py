"""An upstream's answer on its way to the client: read for its usage, otherwise left as it is."""

from dataclasses import dataclass
from typing import Final

from pulumi_groq.gateway.inference.answer_headers import AnswerHeaders
from pulumi_groq.gateway.inference.asgi import Header, Message, Receive, Send
from pulumi_groq.gateway.inference.booking import Booking
from pulumi_groq.gateway.inference.bounded_wait import within
from pulumi_groq.gateway.inference.client_watch import TOO_SLOW, ClientWatch
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.inference.request_body import ClientGoneError
from pulumi_groq.gateway.inference.sse import SseRelay
from pulumi_groq.gateway.inference.upstream import UpstreamAnswer, UpstreamError, UpstreamUnreachableError
from pulumi_groq.gateway.inference.upstream_trouble import (
    answer_too_large,
    bad_answer,
    broken_stream_frame,
    is_permission_error,
    key_rejected,
    no_answer,
)
from pulumi_groq.gateway.inference.usage import audio_ms_in, usage_in

CLIENT_CLOSED: Final = 499
"""Recorded for a request whose client did not stay for the answer (Groq's console uses it too)."""


@dataclass(frozen=True, slots=True)
class Client:
    """The client's end of the connection."""

    receive: Receive
    send: Send


class Relay:
    """Passes one answer back and books what it says was used. `watch` is set for streams."""

    def __init__(
        self,
        client: Client,
        record: RequestRecord,
        booking: Booking,
        rate_headers: tuple[Header, ...],
        options: InferenceOptions,
        *,
        hide_usage: bool,
    ) -> None:
        self.watch: ClientWatch | None = None
        self._client = client
        self._record = record
        self._booking = booking
        self._rate_headers = rate_headers
        self._options = options
        self._hide_usage = hide_usage

    async def pass_back(self, answer: UpstreamAnswer) -> tuple[Message, ...]:
        """Passes `answer` to the client; gives the messages that end it. Raises `Refusal`."""
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
        lines = headers.lines(self._record.request_id, self._rate_headers)
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
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
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
                if relay.may_be_end:
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
        if self.watch is not None and self.watch.gone:
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
        lines = headers.lines(self._record.request_id, self._rate_headers)
        await self.send({"type": "http.response.start", "status": status, "headers": lines})

    async def _pass_on(self, piece: bytes) -> None:
        """To the client, or to nobody: after the client left, the stream is read for its usage only."""
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        if self.watch is None:
            await self.send(message)
        else:
            await self.watch.send(self._client.send, message)

    async def send(self, *messages: Message) -> None:
        """Raises `ClientGoneError` when the client does not take them in time."""
        try:
            await within(self._options.send_timeout_s, self._send_all(messages))
        except (TimeoutError, OSError) as failure:
            self._record.status = CLIENT_CLOSED
            self._record.reason = TOO_SLOW
            raise ClientGoneError from failure

    async def _send_all(self, messages: tuple[Message, ...]) -> None:
        for message in messages:
            await self._client.send(message)
