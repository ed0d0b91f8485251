"""The inference plane: one ASGI application for everything a gateway key can do."""

import hashlib
import time
from collections.abc import Callable
from typing import Final, Protocol

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.http.asgi import Receive, Scope, Send
from pulumi_groq.gateway.http.bodies import ClientGoneError, read_body, require_uncompressed
from pulumi_groq.gateway.http.drain import Drain
from pulumi_groq.gateway.http.refusal import Refusal, invalid_api_key
from pulumi_groq.gateway.inference.audio_file import AudioFile
from pulumi_groq.gateway.inference.calls import (
    MODEL,
    MODELS,
    CallReader,
    Route,
    find_route,
)
from pulumi_groq.gateway.inference.charge import Charge, CostEstimate
from pulumi_groq.gateway.inference.denials import denied
from pulumi_groq.gateway.inference.exchange import Exchange
from pulumi_groq.gateway.inference.fair_share import FairShare
from pulumi_groq.gateway.inference.forwarder import Forwarder
from pulumi_groq.gateway.inference.options import DEFAULT_OPTIONS, InferenceOptions
from pulumi_groq.gateway.inference.permissions import ModelAccess, ToolAccess
from pulumi_groq.gateway.inference.reach.needs import KNOWN
from pulumi_groq.gateway.inference.record import CLIENT_CLOSED, Observer, RequestRecord
from pulumi_groq.gateway.inference.upload import Upload
from pulumi_groq.gateway.inference.upstream import Upstream, UpstreamCall
from pulumi_groq.gateway.metering.protocol import Metering
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.limits import Denial

IssuedCredentials = Callable[[bytes], KeyAccess | None]
"""What a credential that was not minted as a key may do; `None` where it is none, or has ended."""


def none_issued(_sent: bytes) -> None:
    """Where there are only keys."""


class Credentials:
    """Finds the key of a request; `issued` finds what credentials of workload identities stand for."""

    def __init__(self, directory: Directory, clock: Clock, issued: IssuedCredentials) -> None:
        self._directory = directory
        self._clock = clock
        self._issued = issued

    def check(self, sent: bytes) -> KeyAccess:
        """The live key that is `sent` as a bearer token. Raises `Refusal` 401 for anything else.

        The admin key is not a gateway key: its digest is in no directory.
        """
        key = self._directory.find(hashlib.sha256(sent).digest()) or self._issued(sent)
        if key is None or key.disabled:
            raise invalid_api_key()
        if key.expires_at is not None and key.expires_at <= self._clock.now():
            raise invalid_api_key()
        return key


class StoredCalls(Protocol):
    """Serves files and batches, which are kept at the upstream."""

    async def serve(self, route: Route, exchange: Exchange) -> None:
        """Answer one request of a live key. Raises `Refusal` and `ClientGoneError`."""
        ...


READ_FIRST_BYTES: Final = 64 * 1024


class InferencePlane:
    """Serves `/openai/v1` for gateway keys. `observers` are told of every request when it is over; `gateways`
    tells how many there are that share the upstream's limits.

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
        drain: Drain,
        stored: StoredCalls | None = None,
        options: InferenceOptions = DEFAULT_OPTIONS,
        observers: tuple[Observer, ...] = (),
        issued: IssuedCredentials = none_issued,
        gateways: Callable[[], int] = lambda: 1,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.drain = drain
        self._stored = stored
        self._credentials = Credentials(directory, clock, issued)
        self._metering = metering
        self._models = ModelAccess(catalogue)
        self._tools = ToolAccess(catalogue)
        self._ids = ids
        self._shares = FairShare(clock, gateways)
        self._forwarder = Forwarder(upstream, metering, options, monotonic)
        self._options = options
        self._observers = observers
        self._reader = CallReader()
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._monotonic()
        record = RequestRecord(request_id=self._ids.new("req"), method=scope["method"][:16])
        exchange = Exchange(scope, receive, send, record, self._options.send_timeout_s)
        try:
            await self._enter(exchange)
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

    async def _enter(self, exchange: Exchange) -> None:
        route = find_route(exchange.scope)
        exchange.record.route = route.label
        self.drain.enter()
        try:
            exchange.let_in(self._credentials.check(exchange.headers.token))
            if route is MODELS:
                await exchange.answer(self._models.listed(exchange.key))
            elif route is MODEL:
                model_id = exchange.scope["path"].removeprefix(MODEL.path)
                await exchange.answer(self._models.described(exchange.key, model_id))
            elif route.form == "stored" and self._stored is not None:
                await self._stored.serve(route, exchange)
            else:
                if exchange.headers.content_encoding:
                    require_uncompressed(exchange.headers)
                length = exchange.headers.content_length
                if length is None or length > READ_FIRST_BYTES:
                    await self._turn_away_large(exchange)
                serve = self._serve_upload if route.form == "multipart" else self._serve_json
                await serve(route, exchange)
        finally:
            self.drain.leave()

    async def _turn_away_large(self, exchange: Exchange) -> None:
        """Raises `Refusal` 429 for a body that would be read in vain. A small one is read first: the answer
        then names the model.
        """
        denial = await self._metering.turns_away(exchange.key)
        if denial is not None:
            raise denied(denial, close=True)

    async def _serve_json(self, route: Route, exchange: Exchange) -> None:
        options, headers, record = self._options, exchange.headers, exchange.record
        body = await read_body(
            exchange.receive,
            exchange.client,
            headers.content_length,
            options.json_body_limit_bytes,
            options.body_timeout_s,
        )
        record.ready_at = self._monotonic()
        reading = await self._reader.read(exchange.key.key_id, route.label, body)
        fields, reach, images, forwarded, hides_usage = reading
        model = self._models.permit(exchange.key, fields.models, route.kind)
        beyond = self._tools.permit(exchange.key, model, fields.models, reach)
        estimate = CostEstimate.of_json(model, fields, images, len(body), beyond)
        record.stream = fields.stream
        call = UpstreamCall(
            route.path,
            b"application/json",
            headers.accept,
            headers.user_agent,
            body if forwarded is None else forwarded,
            upstream_key=exchange.key.upstream_key,
        )
        await self._admit(exchange, estimate, hide_usage=hides_usage)
        await self._forwarder.serve(exchange, call)

    async def _serve_upload(self, route: Route, exchange: Exchange) -> None:
        headers = exchange.headers
        known, audio = KNOWN[route.label], AudioFile(headers.content_length or 0)
        upload = Upload(exchange.receive, headers, self._options, exchange.client.hold, known, audio.feed)
        model_id = await upload.model()
        exchange.record.ready_at = self._monotonic()
        model = self._models.permit(exchange.key, (model_id,), route.kind)
        call = UpstreamCall(
            path=route.path,
            content_type=headers.content_type,
            accept=headers.accept,
            user_agent=headers.user_agent,
            upstream_key=exchange.key.upstream_key,
            body=upload.pieces(),
            length_bytes=upload.length_bytes,
        )
        await self._admit(exchange, CostEstimate.of_audio(model, upload.longest_audio_ms), hide_usage=False)
        await self._forwarder.serve(exchange, call)

    async def _admit(self, exchange: Exchange, estimate: CostEstimate, *, hide_usage: bool) -> None:
        record, demand = exchange.record, estimate.demand
        turn = self._shares.turn(exchange.key, demand)
        scarce = self._shares.denial(turn)
        if scarce is not None:
            raise denied(scarce)
        record.model = estimate.model.id
        admitted = await self._metering.admit(exchange.key, demand, record.request_id)
        if isinstance(admitted, Denial):
            raise denied(admitted, estimate)
        turn.taken()
        exchange.turn = turn
        exchange.reservation = admitted
        exchange.charge = Charge(estimate, demand.cost_micro_usd, record.request_id)
        exchange.hide_usage = hide_usage
