"""Creates batches, keeps their money reserved until their results are read, and books what they say."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final

from pulumi_groq.catalogue import Catalogue
from pulumi_groq.gateway.batches.creation import ID, Creation, is_over
from pulumi_groq.gateway.batches.lines import worst_costs_micro_usd
from pulumi_groq.gateway.batches.listing import list_batches
from pulumi_groq.gateway.batches.records import Records
from pulumi_groq.gateway.batches.results import ResultReader, as_reserved
from pulumi_groq.gateway.batches.upstream_api import BATCHES_PATH, UpstreamApi
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal
from pulumi_groq.gateway.inference.denials import denied
from pulumi_groq.gateway.inference.forwarder import bad_answer, no_answer
from pulumi_groq.gateway.inference.permissions import ModelAccess, ToolAccess
from pulumi_groq.gateway.inference.record import Disbelief
from pulumi_groq.gateway.inference.upstream import UnknownUpstreamKeyError, UpstreamError
from pulumi_groq.gateway.metering.journal import LedgerRow
from pulumi_groq.gateway.metering.protocol import Holding
from pulumi_groq.gateway.metering.reservations import Hold
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.batches import (
    BatchRecord,
    FileRecord,
    find_batch,
    find_file,
    has_batch,
    has_file,
    insert_batch,
    insert_file,
    open_batches,
    remove_batch,
    replace_batch,
    settle_batch,
)
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.membership import PLACE_TAKEN
from pulumi_groq.gateway.store.store import Connection, Store
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.escrow import FencedError
from pulumi_groq.policy.limits import Demand, Denial
from pulumi_groq.policy.messages import owner_of

POLL_PERIOD_S: Final = 15.0
LOOK_AGAIN_AFTER_S: Final = 1.0
IN_DOUBT: Final = timedelta(minutes=10)
"""How long after its creation a batch that was not answered may appear in the upstream's list."""
UNREAD: Final = timedelta(hours=24)
"""How long results are tried to be read before a batch is charged as reserved."""

_log = logging.getLogger(__name__)


class Batches:
    """All batches of the gateway. Belongs to the event loop.

    `disbelieved` is told why a result, or all of a batch, is charged as reserved.
    """

    def __init__(
        self,
        *,
        store: Store,
        metering: Holding,
        api: UpstreamApi,
        catalogue: Catalogue,
        clock: Clock,
        disbelieved: Callable[[Disbelief], None],
    ) -> None:
        self._store = store
        self._records = Records(store)
        self._metering = metering
        self._api = api
        self._catalogue = catalogue
        self._models = ModelAccess(catalogue)
        self._tools = ToolAccess(catalogue)
        self._clock = clock
        self._disbelieved = disbelieved
        self._holds: dict[str, Hold] = {}
        self._looked_s: dict[str, float] = {}

    @property
    def held(self) -> tuple[int, int]:
        """How many batches hold money, and how much, in micro-dollars."""
        return len(self._holds), sum(hold.demand.cost_micro_usd for hold in self._holds.values())

    async def restore(self) -> None:
        """Reserve again what open batches held when the last process ended, before the first request. Raises
        `StoreUnavailableError`.
        """
        for record in await self._records.read(open_batches):
            started_s = record.started_us / 1_000_000
            held = Hold(record.request_id, record.lineage_id, record.team, started_s, _demand(record))
            self._holds[record.request_id] = held
            self._metering.hold(held)

    async def create(self, key: KeyAccess, creation: Creation, request_id: str) -> BatchRecord:
        """The new batch, its worst case reserved. Raises `Refusal`, and `StoreUnavailableError`.

        Where the upstream does not answer it may have been created: its money stays reserved, and the rounds
        look for it in the upstream's list.
        """
        file = await self._records.read(find_file, key.lineage_id, creation.input_file_id)
        if file is None or file.worst is None:
            raise missing(key.lineage_id, "file", creation.input_file_id)
        for model_id in file.worst:
            self._models.permit(key, (model_id,), "chat")
        self._tools.require(key, dict.fromkeys(file.needs or (), "input_file_id"))
        record = BatchRecord(
            request_id=request_id,
            upstream_id=None,
            key_id=key.key_id,
            lineage_id=key.lineage_id,
            team=key.team,
            input_file_id=file.id,
            worst=file.worst,
            held_by_model_micro_usd=worst_costs_micro_usd(file.worst, self._catalogue),
            document={},
            started_us=0,
            upstream_key=file.upstream_key,
        )
        record = await self._reserved(key, record)
        try:
            document = await self._api.ask(
                "POST", BATCHES_PATH, record.upstream_key, creation.at_upstream(request_id)
            )
        except UnknownUpstreamKeyError as failure:
            await self._never_was(record)
            raise no_answer(failure) from failure
        except UpstreamError as failure:
            _log.warning("whether batch %s was created is not known", request_id)
            raise no_answer(failure) from failure
        except Refusal as refusal:
            if refusal.status < 500 or refusal.detail.code == "upstream_key_rejected":
                await self._never_was(record)
            raise
        return await self._known(record, document)

    def paused(self, key: KeyAccess) -> Denial | None:
        """The denial while the key is paused for runaway spend."""
        return self._metering.paused(key)

    async def show(self, record: BatchRecord) -> BatchRecord:
        """The batch as the upstream has it, which is asked once a second at most, however often a client
        asks: its limits are the organisation's.
        """
        now_s = self._clock.now_s()
        if abs(now_s - self._looked_s.get(record.request_id, -inf)) < LOOK_AGAIN_AFTER_S:
            return record
        if not record.is_settled:
            self._looked_s[record.request_id] = now_s
        return await self.look(record)

    async def look(self, record: BatchRecord) -> BatchRecord:
        """The batch as the upstream has it now, settled if it is over; as it was last seen where the
        upstream does not answer.
        """
        if record.is_settled or record.upstream_id is None:
            return record
        try:
            document = await self._api.ask("GET", f"{BATCHES_PATH}/{record.upstream_id}", record.upstream_key)
            _require_of(record, document)
        except (UpstreamError, Refusal) as failure:
            _log.warning("batch %s could not be looked at: %s", record.upstream_id, failure)
            return await self._unread(record)
        return await self._seen(record, document)

    async def cancel(self, record: BatchRecord) -> BatchRecord:
        """Ask the upstream to go no further; what it has done by then is charged. One that is settled stays
        as it is. Raises `Refusal`.
        """
        if record.is_settled:
            return record
        try:
            path = f"{BATCHES_PATH}/{record.upstream_id}/cancel"
            document = await self._api.ask("POST", path, record.upstream_key, {})
        except UpstreamError as failure:
            raise no_answer(failure) from failure
        _require_of(record, document)
        return await self._seen(record, document)

    async def round(self) -> None:
        """Look at every open batch, and for those that may not have been created; where gateways share the
        store, one of them does. One at a time. Raises `StoreUnavailableError`.
        """
        held = list(self._holds)
        records = await self._records.read(open_batches)
        still_open = {record.request_id for record in records}
        self._looked_s = {each: at_s for each, at_s in self._looked_s.items() if each in still_open}
        if self._store.member is not None:  # else whoever settles it lets it go, with what it cost
            await self._let_go(held, still_open)
        if not self._store.leads:
            return
        in_doubt: dict[str | None, list[BatchRecord]] = {}
        for record in records:
            if record.upstream_id is None:
                in_doubt.setdefault(record.upstream_key, []).append(record)
        for upstream_key, of_one_key in in_doubt.items():
            await self._find(upstream_key, of_one_key)
        for record in records:
            await self.look(record)

    async def _let_go(self, held: Sequence[str], still_open: Collection[str]) -> None:
        """What another gateway has settled is held no more."""
        for request_id in held:
            if request_id not in still_open:
                await self._metering.release(self._holds.pop(request_id, None), [])

    async def find(self, lineage_id: str, upstream_id: str) -> BatchRecord:
        """A batch of this lineage. Raises `Refusal` 404."""
        record = await self._records.read(find_batch, lineage_id, upstream_id)
        if record is None:
            raise missing(lineage_id, "batch", upstream_id)
        return record

    async def _reserved(self, key: KeyAccess, record: BatchRecord) -> BatchRecord:
        """The batch once it is admitted: it is booked in the windows that it was reserved in."""
        admitted = await self._metering.admit(key, _demand(record), record.request_id)
        if isinstance(admitted, Denial):
            raise denied(admitted)
        record = record._replace(started_us=round(admitted.admission.started_s * 1_000_000))
        move = self._metering.moves(admitted)

        def write(connection: Connection) -> None:
            insert_batch(connection, record)
            move(connection)

        try:
            await self._records.write(write)
        except FencedError as fenced:
            await self._metering.settle(admitted, None, 503)
            raise StoreUnavailableError(PLACE_TAKEN) from fenced
        except BaseException:
            await self._metering.not_moved(admitted)
            raise
        self._holds[record.request_id] = await self._metering.keep(admitted, 200)
        return record

    async def _never_was(self, record: BatchRecord) -> None:
        def write(connection: Connection) -> None:
            remove_batch(connection, record.request_id)
            self._metering.book(connection, record.request_id, [])

        await self._records.write(write)
        await self._metering.release(self._holds.pop(record.request_id, None), [])

    async def _known(self, record: BatchRecord, document: dict[str, Any]) -> BatchRecord:
        upstream_id = document.get("id")
        if not isinstance(upstream_id, str) or not ID.fullmatch(upstream_id):
            raise bad_answer(200)
        if await self._records.read(has_batch, upstream_id, record.request_id):
            raise bad_answer(200)
        return await self._seen(record._replace(upstream_id=upstream_id), document)

    async def _seen(self, record: BatchRecord, document: dict[str, Any]) -> BatchRecord:
        seen = record._replace(document=document)
        if is_over(document):
            return await self._settle(seen)
        seen = seen._replace(unread_since_us=None)
        await self._records.write(replace_batch, seen)
        return seen

    async def _unread(self, record: BatchRecord) -> BatchRecord:
        """Nothing could be read of it now. It is charged as reserved where that goes on for too long."""
        now_us = round(self._clock.now().timestamp() * 1_000_000)
        since_us = record.unread_since_us if record.unread_since_us is not None else now_us
        unread = record._replace(unread_since_us=since_us)
        if now_us - since_us >= UNREAD.total_seconds() * 1_000_000:
            _log.error("batch %s is charged as reserved: its results cannot be read", record.upstream_id)
            return await self._book(unread, as_reserved(unread, self._clock.now().timestamp()), [])
        if unread != record:
            await self._records.write(replace_batch, unread)
        return unread

    async def _settle(self, record: BatchRecord) -> BatchRecord:
        reader = ResultReader(record, self._catalogue, self._disbelieved)
        written = []
        for name in ("output_file_id", "error_file_id"):
            file_id = record.document.get(name)
            if isinstance(file_id, str) and ID.fullmatch(file_id):
                try:
                    size = await self._read_results(file_id, record.upstream_key, reader)
                except (UpstreamError, Refusal, ValueError) as failure:
                    _log.warning("a file of batch %s could not be read: %s", record.upstream_id, failure)
                    return await self._unread(record)
                written.append(self._output(record, file_id, size))
        return await self._book(record, reader.rows(self._clock.now().timestamp()), written)

    async def _read_results(self, file_id: str, upstream_key: str | None, reader: ResultReader) -> int:
        answer = await self._api.content(file_id, upstream_key)
        size = 0
        try:
            while piece := await answer.next_piece():
                size += len(piece)
                reader.feed(piece)
            reader.finish_file()
        finally:
            answer.close()
        return size

    def _output(self, record: BatchRecord, file_id: str, size_bytes: int) -> FileRecord:
        name = "errors" if file_id == record.document.get("error_file_id") else "output"
        return FileRecord(
            id=file_id,
            lineage_id=record.lineage_id,
            filename=f"{record.upstream_id}_{name}.jsonl",
            size_bytes=size_bytes,
            purpose="batch_output",
            worst=None,
            needs=None,
            created_s=int(self._clock.now().timestamp()),
            upstream_key=record.upstream_key,
        )

    async def _book(
        self, record: BatchRecord, rows: list[LedgerRow], written: list[FileRecord]
    ) -> BatchRecord:
        """In one transaction, so that no crash books a batch twice or never; nor do two looks."""
        cost = sum(row.settlement.cost_micro_usd for row in rows)
        settled_us = round(self._clock.now().timestamp() * 1_000_000)

        def write(connection: Connection) -> bool:
            if not settle_batch(connection, record, cost, settled_us):
                return False
            self._metering.book(connection, record.request_id, rows)
            for file in written:
                if not has_file(connection, file.id):
                    insert_file(connection, file)
            return True

        if await self._records.write(write):
            await self._metering.release(self._holds.pop(record.request_id, None), rows)
        return record._replace(is_settled=True, cost_micro_usd=cost, settled_us=settled_us)

    async def _find(self, upstream_key: str | None, records: list[BatchRecord]) -> None:
        began = self._clock.now()
        oldest_s = min(record.started_us for record in records) / 1_000_000
        tags = [record.request_id for record in records]
        try:
            listing = await list_batches(self._api, upstream_key, tags, oldest_s)
        except (UpstreamError, Refusal) as failure:
            _log.warning("the upstream's batches could not be listed: %s", failure)
            for record in records:
                await self._unread(record)
            return
        for record in records:
            document = listing.by_tag.get(record.request_id)
            if document is not None:
                try:
                    await self._known(record, document)
                except Refusal as refusal:
                    _log.warning("batch %s is not what was created: %s", record.request_id, refusal)
                    await self._unread(record)
            elif began - _started(record) < IN_DOUBT:
                continue
            elif listing.reaches(record.started_us / 1_000_000):
                _log.warning("batch %s was never created", record.request_id)
                await self._never_was(record)
            else:
                _log.warning("whether batch %s was created does not show in the list", record.request_id)
                await self._unread(record)


def _require_of(record: BatchRecord, document: Mapping[str, Any]) -> None:
    """Raises `Refusal` 502 where the upstream tells of another batch, or of none."""
    if document.get("id") != record.upstream_id:
        raise bad_answer(200)


def missing(lineage_id: str, what: str, object_id: str) -> Refusal:
    """404, the same for what there is not and what is another's."""
    message = f"There is no {what} {object_id[:128]} of {owner_of(lineage_id)}. List those that there are."
    return Refusal(404, INVALID_REQUEST, message, code=f"{what}_not_found")


def _demand(record: BatchRecord) -> Demand:
    most_requested = max(record.worst, key=lambda each: record.worst[each][0])
    return Demand(most_requested, 0, record.held_micro_usd, record.held_by_model_micro_usd)


def _started(record: BatchRecord) -> datetime:
    return datetime.fromtimestamp(record.started_us / 1_000_000, UTC)
