"""The inference plane: one ASGI application for everything a gateway key can do."""

import time
from collections.abc import Callable

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.ids import ObjectIds
from pulumi_groq.gateway.inference.asgi import Receive, Scope, Send
from pulumi_groq.gateway.inference.call_fields import READERS
from pulumi_groq.gateway.inference.credentials import Credentials
from pulumi_groq.gateway.inference.drain import Drain
from pulumi_groq.gateway.inference.exchange import Exchange
from pulumi_groq.gateway.inference.head import RequestHead, read_head
from pulumi_groq.gateway.inference.json_body import read_json_object
from pulumi_groq.gateway.inference.model_access import ModelAccess
from pulumi_groq.gateway.inference.options import DEFAULT_OPTIONS, InferenceOptions
from pulumi_groq.gateway.inference.record import Observer, RequestRecord
from pulumi_groq.gateway.inference.refusal import Refusal, denied
from pulumi_groq.gateway.inference.relay import CLIENT_CLOSED, Client
from pulumi_groq.gateway.inference.request_body import ClientGoneError, read_body
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
        self._upstream = upstream
        self._models = ModelAccess(catalogue)
        self._ids = ids
        self._options = options
        self._observers = observers
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._monotonic()
        record = RequestRecord(request_id=self._ids.new("req"), method=scope["method"][:16])
        try:
            await self._enter(scope, Client(receive, send), record)
        except Refusal as refusal:
            record.status = refusal.status
            record.reason = refusal.reason
            for message in refusal.messages(record.request_id.encode()):
                await send(message)
        except ClientGoneError:
            record.status = CLIENT_CLOSED
            record.reason = record.reason or "client_gone"
        finally:
            record.total_s = self._monotonic() - started
            for observer in self._observers:
                observer(record)

    async def _enter(self, scope: Scope, client: Client, record: RequestRecord) -> None:
        route = find_route(scope)
        record.route = route.label
        self.drain.enter()
        try:
            await self._serve(route, scope, client, record)
        finally:
            self.drain.leave()

    async def _serve(self, route: Route, scope: Scope, client: Client, record: RequestRecord) -> None:
        head = read_head(scope)
        key = self._credentials.check(head.authorization)
        record.key_id = key.key_id
        if route is MODELS:
            await _answer(client, record, self._models.listed(key))
        elif route is MODEL:
            await _answer(client, record, self._models.described(key, scope["path"].removeprefix(MODEL.path)))
        elif route.form is Form.MULTIPART:
            await self._serve_upload(route, head, key, client, record)
        else:
            await self._serve_json(route, head, key, client, record)

    async def _serve_json(
        self, route: Route, head: RequestHead, key: KeyAccess, client: Client, record: RequestRecord
    ) -> None:
        options = self._options
        body = await read_body(
            client.receive, head.content_length, options.json_body_limit_bytes, options.body_timeout_s
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
        await self._exchange(call, key, worst, client, record, hide_usage=hide_usage)

    async def _serve_upload(
        self, route: Route, head: RequestHead, key: KeyAccess, client: Client, record: RequestRecord
    ) -> None:
        upload = Upload(client.receive, head, self._options)
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
        await self._exchange(call, key, worst, client, record, hide_usage=False)

    async def _exchange(
        self,
        call: UpstreamCall,
        key: KeyAccess,
        worst: WorstCase,
        client: Client,
        record: RequestRecord,
        *,
        hide_usage: bool,
    ) -> None:
        record.model = worst.model.id
        lease = await self._metering.admit(key, worst.demand, record.request_id)
        if not isinstance(lease, Lease):
            raise denied(*lease)
        exchange = Exchange(
            upstream=self._upstream,
            metering=self._metering,
            options=self._options,
            monotonic=self._monotonic,
            client=client,
            record=record,
            lease=lease,
            worst=worst,
            hide_usage=hide_usage,
        )
        await exchange.run(call)


async def _answer(client: Client, record: RequestRecord, body: bytes) -> None:
    record.status = 200
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", record.request_id.encode()),
    ]
    await client.send({"type": "http.response.start", "status": 200, "headers": headers})
    await client.send({"type": "http.response.body", "body": body})
