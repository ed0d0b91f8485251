"""`/openai/v1/files` and `/openai/v1/batches` for gateway keys: each sees its lineage's."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.batches.creation import ID, encoded, page, read_creation, read_cursor, shown
from pulumi_groq.gateway.batches.lines import LineReader
from pulumi_groq.gateway.batches.records import Records
from pulumi_groq.gateway.batches.service import Batches, missing
from pulumi_groq.gateway.batches.upstream_api import FILES_PATH, UpstreamApi
from pulumi_groq.gateway.http.bodies import read_body, require_uncompressed
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, bad_request
from pulumi_groq.gateway.inference.calls import BATCHES, CANCEL, CONTENT, FILE, FILES, Route
from pulumi_groq.gateway.inference.denials import denied
from pulumi_groq.gateway.inference.exchange import Exchange
from pulumi_groq.gateway.inference.forwarder import bad_answer, no_answer
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.permissions import ModelAccess, ToolAccess
from pulumi_groq.gateway.inference.upload import Upload
from pulumi_groq.gateway.inference.upstream import UpstreamError
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.batches import (
    FileRecord,
    batches_of,
    count_files,
    files_of,
    find_file,
    has_file,
    holding_file,
    insert_file,
    remove_file,
)
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.policy.messages import owner_of, store_unavailable

PURPOSE: Final = "batch"
MOST_FILES: Final = 1_000
"""Of one lineage: they lie in the operator's account."""
CREATION_LIMIT_BYTES: Final = 64 * 1024

_KNOWN: Final = frozenset({"purpose"})


class StoredPlane:
    """Serves the routes of `inference.calls.STORED_ROUTES`."""

    def __init__(
        self,
        *,
        store: Store,
        batches: Batches,
        api: UpstreamApi,
        catalogue: Catalogue,
        clock: Clock,
        options: InferenceOptions,
    ) -> None:
        self._records = Records(store)
        self._batches = batches
        self._api = api
        self._models = ModelAccess(catalogue)
        self._tools = ToolAccess(catalogue)
        self._clock = clock
        self._options = options

    async def serve(self, route: Route, exchange: Exchange) -> None:
        """Answer one request of a live key. Raises `Refusal` and `ClientGoneError`."""
        try:
            await self._serve(route, exchange)
        except StoreUnavailableError:
            raise denied(store_unavailable()) from None
        except UpstreamError as failure:
            raise no_answer(failure) from failure

    async def _serve(self, route: Route, exchange: Exchange) -> None:
        method, path = exchange.scope["method"], exchange.scope["path"]
        object_id = path.removeprefix(route.path).split("/", 1)[0]
        if method == "POST":
            require_uncompressed(exchange.headers)
        if route is FILES:
            await (self._upload(exchange) if method == "POST" else self._list_files(exchange))
        elif route is FILE:
            await (self._delete if method == "DELETE" else self._show_file)(exchange, object_id)
        elif route is CONTENT:
            await self._content(exchange, object_id)
        elif route is BATCHES:
            await (self._create(exchange) if method == "POST" else self._list_batches(exchange))
        else:
            record = await self._batches.find(exchange.key.lineage_id, object_id)
            look = self._batches.cancel if route is CANCEL else self._batches.show
            await exchange.answer(encoded(shown(await look(record))))

    async def _upload(self, exchange: Exchange) -> None:
        lineage_id = exchange.key.lineage_id
        paused = self._batches.paused(exchange.key)
        if paused is not None:
            raise denied(paused, close=True)
        if await self._records.read(count_files, lineage_id) >= MOST_FILES:
            raise _too_many_files(lineage_id)
        lines = LineReader(exchange.key, self._models, self._tools)
        headers = exchange.headers
        upload = Upload(exchange.receive, headers, self._options, exchange.client.hold, _KNOWN, lines.feed)
        upstream_key = exchange.key.upstream_key
        stated = await self._api.upload(
            _judged(upload, lines), upload.length_bytes, headers.content_type, upstream_key
        )
        file_id = stated.get("id")
        if not isinstance(file_id, str) or not ID.fullmatch(file_id):
            raise bad_answer(200)
        record = FileRecord(
            id=file_id,
            lineage_id=lineage_id,
            filename=upload.form.file_name,
            size_bytes=upload.form.file_bytes,
            purpose=PURPOSE,
            worst=lines.worst,
            needs=sorted(lines.needs),
            created_s=int(self._clock.now().timestamp()),
            upstream_key=upstream_key,
        )
        if await self._records.read(has_file, file_id):
            raise bad_answer(200)  # somebody's: not to be written over, nor deleted
        try:
            if not await self._records.write(_insert_within, record):
                raise _too_many_files(lineage_id)  # others were uploaded meanwhile
        except (StoreUnavailableError, Refusal):
            # Nobody could ever read or delete it.
            with suppress(Refusal, UpstreamError):
                await self._api.ask("DELETE", f"{FILES_PATH}/{file_id}", upstream_key)
            raise
        await exchange.answer(encoded(_file(record)))

    async def _list_files(self, exchange: Exchange) -> None:
        cursor = read_cursor(exchange.scope["query_string"])
        lineage_id = exchange.key.lineage_id
        records = await self._records.read(files_of, lineage_id, cursor.after, cursor.limit + 1)
        await exchange.answer(page(cursor, None if records is None else list(map(_file, records))))

    async def _show_file(self, exchange: Exchange, file_id: str) -> None:
        await exchange.answer(encoded(_file(await self._file(exchange, file_id))))

    async def _delete(self, exchange: Exchange, file_id: str) -> None:
        record = await self._file(exchange, file_id)
        holding = await self._records.read(holding_file, file_id)
        if holding is not None:
            message = (
                f"The batch {holding.upstream_id} still needs this file. Wait for it, or cancel it first."
            )
            raise Refusal(409, INVALID_REQUEST, message, code="file_in_use")
        try:
            await self._api.ask("DELETE", f"{FILES_PATH}/{file_id}", record.upstream_key)
        except Refusal as refusal:
            if refusal.status != 404:  # gone there already
                raise
        await self._records.write(remove_file, file_id)
        await exchange.answer(encoded({"id": file_id, "object": "file", "deleted": True}))

    async def _content(self, exchange: Exchange, file_id: str) -> None:
        record = await self._file(exchange, file_id)
        answer = await self._api.content(file_id, record.upstream_key)
        exchange.record.status = 200
        try:
            headers = [
                (b"content-type", b"application/octet-stream"),
                (b"x-request-id", exchange.record.request_id.encode()),
            ]
            await exchange.send({"type": "http.response.start", "status": 200, "headers": headers})
            while piece := await answer.next_piece():
                await exchange.send({"type": "http.response.body", "body": piece, "more_body": True})
        except UpstreamError as failure:
            # Half a file must not look whole: without an end the server cuts the connection.
            exchange.record.reason = no_answer(failure).reason
            return
        finally:
            answer.close()
        await exchange.send({"type": "http.response.body"})

    async def _create(self, exchange: Exchange) -> None:
        body = await read_body(
            exchange.receive,
            exchange.client,
            exchange.headers.content_length,
            CREATION_LIMIT_BYTES,
            self._options.body_timeout_s,
        )
        record = await self._batches.create(exchange.key, read_creation(body), exchange.record.request_id)
        await exchange.answer(encoded(shown(record)))

    async def _list_batches(self, exchange: Exchange) -> None:
        cursor = read_cursor(exchange.scope["query_string"])
        lineage_id = exchange.key.lineage_id
        records = await self._records.read(batches_of, lineage_id, cursor.after, cursor.limit + 1)
        documents = None if records is None else [shown(record) for record in records]
        await exchange.answer(page(cursor, documents))

    async def _file(self, exchange: Exchange, file_id: str) -> FileRecord:
        record: FileRecord | None = await self._records.read(find_file, exchange.key.lineage_id, file_id)
        if record is None:
            raise missing(exchange.key.lineage_id, "file", file_id)
        return record


async def _judged(upload: Upload, lines: LineReader) -> AsyncIterator[bytes]:
    """The body as it comes; its last piece once the whole file was judged, so that nothing else is ever whole
    at the upstream.
    """
    held = b""
    async for piece in upload.pieces():
        if held:
            yield held
        held = piece
    lines.finish()
    if upload.form.fields.get("purpose") != PURPOSE:
        raise bad_request(f"purpose must be {PURPOSE}.", param="purpose")
    yield held


def _insert_within(connection: Connection, record: FileRecord) -> bool:
    """Whether there was place for one more."""
    if count_files(connection, record.lineage_id) >= MOST_FILES:
        return False
    insert_file(connection, record)
    return True


def _too_many_files(lineage_id: str) -> Refusal:
    owner = owner_of(lineage_id)
    message = (
        f"{owner[0].upper()}{owner[1:]} has {MOST_FILES} files. Delete those that are not needed any more."
    )
    return Refusal(400, INVALID_REQUEST, message, code="too_many_files", close=True)


def _file(record: FileRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "object": "file",
        "bytes": record.size_bytes,
        "created_at": record.created_s,
        "filename": record.filename,
        "purpose": record.purpose,
    }
