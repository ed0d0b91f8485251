"""An upstream's answer on its way to the client: read for its usage, otherwise left as it is."""

from pulumi_groq.gateway.http.asgi import Message
from pulumi_groq.gateway.inference.answer_headers import AnswerHeaders
from pulumi_groq.gateway.inference.charge import Charge
from pulumi_groq.gateway.inference.exchange import Exchange
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED
from pulumi_groq.gateway.inference.sse import SseRelay
from pulumi_groq.gateway.inference.upstream import UpstreamAnswer, UpstreamError, UpstreamUnreachableError
from pulumi_groq.gateway.inference.upstream_trouble import (
    answer_too_large,
    bad_answer,
    broken_stream_frame,
    compressed_answer,
    is_permission_error,
    key_rejected,
    no_answer,
)
from pulumi_groq.gateway.inference.usage import parsed_answer, stated_by


class Relay:
    """Passes answers back and charges what they say was used. Whole ones have at most `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes

    async def pass_back(self, exchange: Exchange, answer: UpstreamAnswer) -> tuple[Message, ...]:
        """Passes `answer` to the client; gives the messages that end it. Raises `Refusal`."""
        headers = AnswerHeaders(answer.headers)
        status = answer.status
        exchange.record.upstream_request_id = headers.upstream_request_id.decode("latin-1")
        succeeded = 200 <= status < 300
        if not succeeded:
            exchange.charge.refused()
        if not (succeeded or 400 <= status < 600):
            raise bad_answer(status)
        if headers.is_compressed:
            raise compressed_answer()
        if succeeded and headers.content_type.startswith(b"text/event-stream"):
            return await _relay_stream(exchange, answer, headers)
        if succeeded and headers.content_type.startswith((b"audio/", b"application/octet-stream")):
            return await _relay_binary(exchange, answer, headers)
        return await self._relay_whole(exchange, answer, headers)

    async def _relay_whole(
        self, exchange: Exchange, answer: UpstreamAnswer, headers: AnswerHeaders
    ) -> tuple[Message, ...]:
        try:
            body = await self._read_whole(answer)
        except UpstreamError as failure:
            raise no_answer(failure) from failure
        status = answer.status
        if status == 401 or (status == 403 and not is_permission_error(body)):
            raise key_rejected(status)
        # Of text (a transcript in `text`, `srt`, `vtt`) its speaker may have made something like a usage.
        if status < 400 and headers.content_type.startswith(b"application/json"):
            _charge_whole(exchange.charge, body)
        exchange.record.status = status
        lines = headers.lines(exchange.record.request_id, exchange.reservation.headers)
        lines.append((b"content-length", b"%d" % len(body)))
        return (
            {"type": "http.response.start", "status": status, "headers": lines},
            {"type": "http.response.body", "body": body},
        )

    async def _read_whole(self, answer: UpstreamAnswer) -> bytes:
        pieces = []
        size = 0
        while piece := await answer.next_piece():
            pieces.append(piece)
            size += len(piece)
            if size > self._limit_bytes:
                raise answer_too_large(self._limit_bytes)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _charge_whole(charge: Charge, body: bytes) -> None:
    charge.stated(lambda: stated_by(parsed_answer(body), charge.estimate.model.kind))


async def _relay_binary(
    exchange: Exchange, answer: UpstreamAnswer, headers: AnswerHeaders
) -> tuple[Message, ...]:
    """Speech was priced before it was sent, so there is nothing to read in it."""
    await _send_start(exchange, answer.status, headers)
    try:
        while piece := await answer.next_piece():
            await exchange.send({"type": "http.response.body", "body": piece, "more_body": True})
    except UpstreamError as failure:
        # Half an audio file must not look whole: without an end the server cuts the connection.
        exchange.record.reason = no_answer(failure).reason
        return ()
    return ({"type": "http.response.body"},)


async def _relay_stream(
    exchange: Exchange, answer: UpstreamAnswer, headers: AnswerHeaders
) -> tuple[Message, ...]:
    relay = SseRelay(hide_usage=exchange.hide_usage)
    record = exchange.record
    broken = False
    held = b""
    try:
        await _send_start(exchange, answer.status, headers)
        while piece := await answer.next_piece():
            if held:
                await exchange.send({"type": "http.response.body", "body": held, "more_body": True})
                held = b""
            passed = relay.feed(piece)
            if relay.may_be_end:
                held = passed
            elif passed:
                await exchange.send({"type": "http.response.body", "body": passed, "more_body": True})
        rest = relay.rest()
        if not relay.ended:
            raise UpstreamUnreachableError("the stream ended before its last event")
        held += rest
    except UpstreamError as failure:
        broken = True
        trouble = no_answer(failure)
        record.reason = trouble.reason
        held += broken_stream_frame(record.request_id, trouble)
    finally:
        _charge_stream(exchange.charge, relay, broken=broken)
    if exchange.watch is not None and exchange.watch.gone:
        record.status = CLIENT_CLOSED
    return ({"type": "http.response.body", "body": held},)


def _charge_stream(charge: Charge, relay: SseRelay, *, broken: bool) -> None:
    if charge.stated(lambda: stated_by(relay.stating_event(), charge.estimate.model.kind)):
        return
    if broken:
        charge.counted(relay.counted_tokens)
    else:
        charge.as_reserved(relay.counted_tokens)


async def _send_start(exchange: Exchange, status: int, headers: AnswerHeaders) -> None:
    exchange.record.status = status
    lines = headers.lines(exchange.record.request_id, exchange.reservation.headers)
    await exchange.send({"type": "http.response.start", "status": status, "headers": lines})
