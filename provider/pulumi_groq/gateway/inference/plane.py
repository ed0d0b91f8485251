"""The inference plane: one ASGI application for everything a gateway key can do."""

import time
from collections.abc import Callable

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.http.asgi import Receive, Scope, Send
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.http.request_body import ClientGoneError, read_body
from pulumi_groq.gateway.http.request_headers import RequestHeaders, read_request_headers
from pulumi_groq.gateway.ids import ObjectIds
from pulumi_groq.gateway.inference.call_fields import READERS
from pulumi_groq.gateway.inference.credentials import Credentials
from pulumi_groq.gateway.inference.denial_answer import denied
from pulumi_groq.gateway.inference.drain import Drain
from pulumi_groq.gateway.inference.exchange import Exchange
from pulumi_groq.gateway.inference.forwarder import Forwarder
from pulumi_groq.gateway.inference.json_body import read_json_object
from pulumi_groq.gateway.inference.model_access import ModelAccess
from pulumi_groq.gateway.inference.options import DEFAULT_OPTIONS, InferenceOptions
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED, Observer, RequestRecord
from pulumi_groq.gateway.inference.routes import CHAT_LABEL, MODEL, MODELS, Form, Route, find_route
from pulumi_groq.gateway.inference.upload import Upload
from pulumi_groq.gateway.inference.upstream import Upstream, UpstreamCall
from pulumi_groq.gateway.inference.usage_request import with_usage_requested
from pulumi_groq.gateway.inference.worst_case import WorstCase
from pulumi_groq.gateway.protocols import Clock, Directory, Lease, Metering
from pulumi_groq.policy.access import KeyAccess


class InferencePlane:
    """Serves `/openai/v1` for gateway keys. `observers` are told of every request when it is over.

    `drain.begin()` turns new requests away; `drain.idle()` waits for the running ones.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        metering: Metering,
        upstream: Upstream,
        catalogue: Catalogue,
        clock: Clock,
        ids: ObjectIds,
        options: InferenceOptions = DEFAULT_OPTIONS,
        observers: tuple[Observer, ...] = (),
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.drain = Drain(options.drain_retry_after_s)
        self._credentials = Credentials(directory, clock)
        self._metering = metering
        self._models = ModelAccess(catalogue)
        self._ids = ids
        self._forwarder = Forwarder(upstream, metering, options, monotonic)
        self._options = options
        self._observers = observers
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._monotonic()
        record = RequestRecord(request_id=self._ids.new("req"), method=scope["method"][:16])
        try:
            await self._enter(scope, receive, send, record)
        except Refusal as refusal:
            record.status = refusal.status
            record.reason = refusal.reason
            for message in refusal.messages((b"x-request-id", record.request_id.encode())):
                await send(message)
        except ClientGoneError:
            record.status = CLIENT_CLOSED
            record.reason = record.reason or "client_gone"
        finally:
            record.total_s = self._monotonic() - started
            for observer in self._observers:
                observer(record)

    async def _enter(self, scope: Scope, receive: Receive, send: Send, record: RequestRecord) -> None:
        route = find_route(scope)
        record.route = route.label
        self.drain.enter()
        try:
            head = read_request_headers(scope)
            key = self._credentials.check(head.authorization)
            record.key_id = key.key_id
            if route is MODELS:
                await _answer(send, record, self._models.listed(key))
            elif route is MODEL:
                model_id = scope["path"].removeprefix(MODEL.path)
                await _answer(send, record, self._models.described(key, model_id))
            elif route.form is Form.MULTIPART:
                await self._serve_upload(route, head, key, receive, send, record)
            else:
                await self._serve_json(route, head, key, receive, send, record)
        finally:
            self.drain.leave()

    async def _serve_json(
        self,
        route: Route,
        head: RequestHeaders,
        key: KeyAccess,
        receive: Receive,
        send: Send,
        record: RequestRecord,
    ) -> None:
        options = self._options
        body = await read_body(
            receive, head.content_length, options.json_body_limit_bytes, options.body_timeout_s
        )
        record.ready_at = self._monotonic()
        document = read_json_object(body)
        fields = READERS[route.label](document)
        model = self._models.permit(key, fields.models, route.kind)
        worst = WorstCase.of_json(model, fields, document, len(body))
        hide_usage = route.label == CHAT_LABEL and fields.stream and not fields.include_usage
        record.stream = fields.stream
        call = UpstreamCall(
            path=route.path,
            content_type=b"application/json",
            accept=head.accept,
            user_agent=head.user_agent,
            body=with_usage_requested(body, document) if hide_usage else body,
        )
        exchange = await self._admit(key, worst, receive, send, record, hide_usage=hide_usage)
        await self._forwarder.serve(exchange, call)

    async def _serve_upload(
        self,
        route: Route,
        head: RequestHeaders,
        key: KeyAccess,
        receive: Receive,
        send: Send,
        record: RequestRecord,
    ) -> None:
        upload = Upload(receive, head, self._options)
        model_id = await upload.model()
        record.ready_at = self._monotonic()
        model = self._models.permit(key, (model_id,), route.kind)
        call = UpstreamCall(
            path=route.path,
            content_type=head.content_type,
            accept=head.accept,
            user_agent=head.user_agent,
            body=upload.pieces(),
            length_bytes=upload.length_bytes,
        )
        worst = WorstCase.of_audio(model, upload.longest_audio_ms)
        exchange = await self._admit(key, worst, receive, send, record, hide_usage=False)
        await self._forwarder.serve(exchange, call)

    async def _admit(
        self,
        key: KeyAccess,
        worst: WorstCase,
        receive: Receive,
        send: Send,
        record: RequestRecord,
        *,
        hide_usage: bool,
    ) -> Exchange:
        record.model = worst.model.id
        lease = await self._metering.admit(key, worst.demand, record.request_id)
        if not isinstance(lease, Lease):
            raise denied(*lease)
        timeout_s = self._options.send_timeout_s
        return Exchange(receive, send, record, lease, worst, timeout_s, hide_usage=hide_usage)


async def _answer(send: Send, record: RequestRecord, body: bytes) -> None:
    record.status = 200
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", record.request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
