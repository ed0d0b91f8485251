"""Takes admitted requests to the upstream and back to the client; settles each once, whatever happens."""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from pulumi_groq.gateway.http.asgi import Header, Message
from pulumi_groq.gateway.http.bodies import IDENTITY, ClientGoneError
from pulumi_groq.gateway.http.refusal import PERMISSIONS, SERVER, Refusal
from pulumi_groq.gateway.inference.charge import Charge
from pulumi_groq.gateway.inference.exchange import GONE, ClientWatch, Exchange
from pulumi_groq.gateway.inference.fair_share import LIMITS, TOO_MANY_REQUESTS
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED
from pulumi_groq.gateway.inference.sse import SseUsageScanner
from pulumi_groq.gateway.inference.upstream import (
    UnknownUpstreamKeyError,
    Upstream,
    UpstreamAnswer,
    UpstreamCall,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from pulumi_groq.gateway.metering.protocol import Metering
from pulumi_groq.gateway.upstream_keys import DEFAULT

PASSED: Final = frozenset(
    {
        b"content-type",
        b"content-disposition",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
        b"x-groq-region",
    }
)

CODINGS: Final = MappingProxyType(
    {b"content-encoding": IDENTITY, b"transfer-encoding": IDENTITY | {b"chunked"}}
)
"""Where a compression may be named (RFC 9110, 8.4; RFC 9112, 7.2), and what is none."""

WAITS: Final = frozenset({b"retry-after", b"retry-after-ms"})
_SENSIBLE_WAIT: Final = re.compile(
    rb"[0-9]{1,8}(\.[0-9]{1,9})?|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"
)
"""A number or a date (RFC 9110, 5.6.7). Clients may take -1, NaN or 1e309 for no wait, or wait for ever."""

_REQUEST_ID: Final = re.compile(rb"[!-~]{1,200}")
"""It goes into a log line: no spaces, no line ends of any kind."""


class AnswerHeaders:
    """What of the upstream's headers is used; hop-by-hop lines, cookies and an invalid wait are not, and its
    `limits` are not passed on. `content_type` is in lower case, for comparing.
    """

    def __init__(self, upstream: Sequence[Header]) -> None:
        self.content_type = b""
        self.upstream_request_id = b""
        self.is_compressed = False
        self.limits: list[Header] = []
        self._passed: list[Header] = []
        for raw_name, value in upstream:
            name = raw_name.lower()
            if name in PASSED and (name not in WAITS or _SENSIBLE_WAIT.fullmatch(value)):
                self._passed.append((name, value))
                if name == b"content-type":
                    self.content_type = value.strip().lower()
            elif name in CODINGS:
                codings = {coding.strip() for coding in value.lower().split(b",")}
                self.is_compressed = self.is_compressed or not codings <= CODINGS[name]
            elif name in LIMITS:
                self.limits.append((name, value))
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.upstream_request_id = value

    def lines(self, request_id: str, rate_limits: tuple[Header, ...]) -> list[Header]:
        """The header lines for the client, without a length."""
        lines = [(b"x-request-id", request_id.encode()), *rate_limits, *self._passed]
        if self.upstream_request_id:
            lines.append((b"x-upstream-request-id", self.upstream_request_id))
        return lines


_log = logging.getLogger("pulumi_groq.gateway.upstream")


def no_answer(failure: UpstreamError) -> Refusal:
    """504 `upstream_timeout`, 502 `upstream_unreachable` or 502 `upstream_key_unknown`."""
    if isinstance(failure, UnknownUpstreamKeyError):
        _log.error("%s: give it with --upstream-key, or declare another for the team", failure)
        return _trouble(
            502,
            "upstream_key_unknown",
            "The gateway does not have your team's upstream key. Your key is fine; tell the operator.",
        )
    _log.warning("the upstream failed: %s", failure)
    if isinstance(failure, UpstreamTimeoutError):
        return _trouble(504, "upstream_timeout", "The upstream did not answer in time. Try again later.")
    return _trouble(502, "upstream_unreachable", "The upstream could not be reached. Try again later.")


def bad_answer(status: int) -> Refusal:
    """502 for an answer that is neither a result nor an error: a redirect, for one."""
    _log.error("the upstream answered %d, which is no API's answer; check --upstream", status)
    return _trouble(502, "upstream_bad_answer", "The upstream's answer could not be used. Tell the operator.")


def compressed_answer() -> Refusal:
    """502 for an answer that is compressed though `identity` was asked for. It is not decoded: what a few
    bytes grow to has no bound, and without its header no client could read it.
    """
    _log.error("the upstream's answer is compressed, though it was asked for a plain one")
    return _trouble(502, "upstream_bad_answer", "The upstream's answer could not be used. Tell the operator.")


def answer_too_large(limit_bytes: int) -> Refusal:
    """502 for a JSON answer above the gateway's limit."""
    _log.error("the upstream's answer is larger than %d bytes", limit_bytes)
    return _trouble(502, "upstream_answer_too_large", f"The answer is larger than {limit_bytes} bytes.")


def key_rejected(status: int, upstream_key: str | None) -> Refusal:
    """502 `upstream_key_rejected`: the operator's key is at fault, so the caller's is not blamed."""
    which = "GROQ_API_KEY" if upstream_key in {None, DEFAULT} else f"--upstream-key {upstream_key}"
    _log.error("the upstream rejected the gateway's own key with %d: set a valid %s", status, which)
    return _trouble(
        502,
        "upstream_key_rejected",
        "The upstream rejected the gateway's own key. Your key is fine; tell the operator.",
    )


def is_permission_error(body: bytes) -> bool:
    """Whether a 403 is Groq's answer about a model, rather than about the key."""
    try:
        error = json.loads(body)["error"]
        return bool(error["type"] == PERMISSIONS)
    except (ValueError, RecursionError, KeyError, TypeError):
        return False


def broken_stream_frame(request_id: str, refusal: Refusal) -> bytes:
    """The last event of a stream that broke off: an error that both official clients raise."""
    error = refusal.detail.model_dump(exclude_none=True)
    data = {"error": error, "x_groq": {"id": request_id, "error": refusal.detail.message}}
    return b"event: error\ndata: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def _trouble(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, SERVER, message, reason=code, code=code)


class Relay:
    """Passes answers back and charges what they say was used. Whole ones have at most `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes

    async def pass_back(self, exchange: Exchange, answer: UpstreamAnswer) -> tuple[Message, ...]:
        """Passes `answer` to the client; gives the messages that end it. Raises `Refusal`."""
        headers = AnswerHeaders(answer.headers)
        status = answer.status
        if headers.limits or status == TOO_MANY_REQUESTS:
            exchange.turn.answered(status, headers.limits)
        exchange.record.upstream_request_id = headers.upstream_request_id.decode("latin-1")
        succeeded = 200 <= status < 300
        if not succeeded:
            exchange.charge.refused()
        if not (succeeded or 400 <= status < 600):
            raise bad_answer(status)
        if headers.is_compressed:
            raise compressed_answer()
        flows = succeeded and status != HTTPStatus.NO_CONTENT  # whatever type that gives to nothing
        if flows and headers.content_type.startswith(b"text/event-stream"):
            return await _relay_stream(exchange, answer, headers)
        if flows and headers.content_type.startswith((b"audio/", b"application/octet-stream")):
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
            raise key_rejected(status, exchange.key.upstream_key)
        # Of text (a transcript in `text`, `srt`, `vtt`) its speaker may have made something like a usage.
        if status < 400 and headers.content_type.startswith(b"application/json"):
            exchange.charge.stated(body)
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
    relay = SseUsageScanner(hide_usage=exchange.hide_usage)
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


def _charge_stream(charge: Charge, relay: SseUsageScanner, *, broken: bool) -> None:
    if charge.stated(relay.stating_event):
        return
    if broken or relay.failed:
        charge.counted(relay.counted_tokens)
    else:
        charge.as_reserved(relay.counted_tokens)


async def _send_start(exchange: Exchange, status: int, headers: AnswerHeaders) -> None:
    exchange.record.status = status
    lines = headers.lines(exchange.record.request_id, exchange.reservation.headers)
    await exchange.send({"type": "http.response.start", "status": status, "headers": lines})


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
            exchange.turn.over(0 if consumption is None else consumption.tokens)
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
