"""Files and batches in the store: what applications have at the upstream, and what is held for it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from pulumi_groq.gateway.store.schema import batches, files, this_write

Worst = Mapping[str, Sequence[int]]
"""By model: requests, the most prompt tokens and completion tokens of all of them, fees in micro-dollars, and
the most prompt tokens and completion tokens of one."""


class FileRecord(NamedTuple):
    """A file at the upstream, under the upstream's id. `worst` is `None` for what the upstream wrote;
    `upstream_key` names the operator's key whose project has it, `None` the default one.
    """

    id: str
    lineage_id: str
    filename: str
    size_bytes: int
    purpose: str
    worst: Worst | None
    needs: Sequence[str] | None
    created_s: int
    upstream_key: str | None = None


class BatchRecord(NamedTuple):
    """A batch; `request_id` is the request that created it. `upstream_id` is `None` while nobody knows
    whether the upstream has it. `unread_since_us`: since when nothing could be read of it (Unix time).
    `upstream_key` is the input file's. Once it is settled: when, what it cost, and the store's write that
    booked it.
    """

    request_id: str
    upstream_id: str | None
    key_id: str
    lineage_id: str
    team: str | None
    input_file_id: str
    worst: Worst
    held_by_model_micro_usd: Mapping[str, int]
    document: Mapping[str, Any]
    started_us: int
    unread_since_us: int | None = None
    is_settled: bool = False
    upstream_key: str | None = None
    settled_us: int | None = None
    cost_micro_usd: int | None = None
    booked_in: int | None = None

    @property
    def held_micro_usd(self) -> int:
        """What is reserved for it."""
        return sum(self.held_by_model_micro_usd.values())


def insert_file(connection: Connection, record: FileRecord) -> None:
    """Write a file."""
    connection.execute(insert(files), record._asdict())


def find_file(connection: Connection, lineage_id: str, file_id: str) -> FileRecord | None:
    """A file of this lineage."""
    columns = files.c
    row = connection.execute(
        select(files).where(columns.id == file_id, columns.lineage_id == lineage_id)
    ).first()
    return None if row is None else FileRecord(*row)


def has_file(connection: Connection, file_id: str) -> bool:
    """Whether anybody has a file of this id."""
    return connection.execute(select(files.c.id).where(files.c.id == file_id)).first() is not None


def files_of(
    connection: Connection, lineage_id: str, after: str | None, limit: int
) -> list[FileRecord] | None:
    """Up to `limit` files of the lineage, newest first, behind the one with the id `after`; `None` where it
    has no such file.
    """
    columns = files.c
    place = columns.created_s, columns.id
    statement = select(files).where(columns.lineage_id == lineage_id)
    found = _behind(connection, statement, place, columns.id, after, limit)
    return None if found is None else [FileRecord(*row) for row in found]


def _behind(
    connection: Connection,
    statement: Select[Any],
    place: tuple[ColumnElement[Any], ...],
    named: ColumnElement[str],
    after: str | None,
    limit: int,
) -> list[Any] | None:
    """The rows of `statement` with the highest `place` first, behind the one that is `named` so."""
    if after is not None:
        last = connection.execute(statement.with_only_columns(*place).where(named == after)).first()
        if last is None:
            return None
        statement = statement.where(tuple_(*place) < tuple(last))
    highest_first = (column.desc() for column in place)
    return list(connection.execute(statement.order_by(*highest_first).limit(limit)))


def count_files(connection: Connection, lineage_id: str) -> int:
    """How many files the lineage has."""
    counted = select(func.count()).select_from(files).where(files.c.lineage_id == lineage_id)
    return connection.scalar(counted) or 0


def remove_file(connection: Connection, file_id: str) -> None:
    """Forget a file."""
    connection.execute(delete(files).where(files.c.id == file_id))


def insert_batch(connection: Connection, record: BatchRecord) -> None:
    """Write a batch."""
    connection.execute(insert(batches), record._asdict())


def replace_batch(connection: Connection, record: BatchRecord) -> bool:
    """Write a batch as it is now, unless it is settled: then False, and nothing changes."""
    return _replace(connection, record.request_id, record._asdict())


def _replace(connection: Connection, request_id: str, values: Mapping[str, Any]) -> bool:
    columns = batches.c
    of_it = update(batches).where(columns.request_id == request_id, ~columns.is_settled)
    return connection.execute(of_it.values(values)).rowcount == 1


def settle_batch(connection: Connection, record: BatchRecord, cost_micro_usd: int, settled_us: int) -> bool:
    """Write a batch for the last time, with what it cost; False where it is settled already."""
    settled = record._replace(is_settled=True, cost_micro_usd=cost_micro_usd, settled_us=settled_us)
    return _replace(connection, record.request_id, {**settled._asdict(), "booked_in": this_write()})


class BookedBatch(NamedTuple):
    """What a batch has cost, booked at the time at which it was created."""

    key_id: str
    started_us: int
    cost_micro_usd: int


def booked_batches(connection: Connection, after_write: int) -> list[BookedBatch]:
    """The batches that were booked after that write of the store."""
    columns = batches.c
    wanted = (columns[name] for name in BookedBatch._fields)
    booked = connection.execute(select(*wanted).where(columns.booked_in > after_write))
    return [BookedBatch(*row) for row in booked]


def remove_batch(connection: Connection, request_id: str) -> None:
    """Forget a batch that the upstream never had."""
    connection.execute(delete(batches).where(batches.c.request_id == request_id))


def find_batch(connection: Connection, lineage_id: str, upstream_id: str) -> BatchRecord | None:
    """A batch of this lineage, by the upstream's id."""
    columns = batches.c
    row = connection.execute(
        select(batches).where(columns.upstream_id == upstream_id, columns.lineage_id == lineage_id)
    ).first()
    return None if row is None else BatchRecord(*row)


def has_batch(connection: Connection, upstream_id: str, besides: str) -> bool:
    """Whether a batch has this id at the upstream, but for the one that the request `besides` created."""
    columns = batches.c
    others = (columns.upstream_id == upstream_id, columns.request_id != besides)
    return connection.execute(select(columns.request_id).where(*others)).first() is not None


def batches_of(
    connection: Connection, lineage_id: str, after: str | None, limit: int
) -> list[BatchRecord] | None:
    """Up to `limit` batches of the lineage that the upstream is known to have, newest first, behind the one
    with the upstream's id `after`; `None` where it has no such batch.
    """
    columns = batches.c
    place = columns.started_us, columns.request_id
    statement = select(batches).where(columns.lineage_id == lineage_id, columns.upstream_id.is_not(None))
    found = _behind(connection, statement, place, columns.upstream_id, after, limit)
    return None if found is None else [BatchRecord(*row) for row in found]


def open_batches(connection: Connection) -> list[BatchRecord]:
    """All batches that are not settled, oldest first."""
    statement = select(batches).where(~batches.c.is_settled).order_by(batches.c.started_us)
    return [BatchRecord(*row) for row in connection.execute(statement)]


def drop_settled_batches(connection: Connection, before_us: int) -> None:
    """Forget the batches that were settled before a time (Unix microseconds). Their requests stay booked."""
    connection.execute(delete(batches).where(batches.c.is_settled, batches.c.settled_us < before_us))


def old_files(connection: Connection, before_s: int, limit: int) -> list[FileRecord]:
    """Up to `limit` files that are older than a time (Unix seconds) and that no batch needs, oldest first."""
    needed = {file_id for record in open_batches(connection) for file_id in _files_of(record)}
    columns = files.c
    statement = select(files).where(columns.created_s < before_s).order_by(columns.created_s, columns.id)
    found = connection.execute(statement.limit(limit + len(needed)))
    return [file for file in (FileRecord(*row) for row in found) if file.id not in needed][:limit]


def batch_request_ids(connection: Connection) -> frozenset[str]:
    """The requests whose reservation a batch holds, or has held."""
    return frozenset(connection.scalars(select(batches.c.request_id)))


def holding_file(connection: Connection, file_id: str) -> BatchRecord | None:
    """A batch that is not settled and reads this file, or has written it."""
    return next((each for each in open_batches(connection) if file_id in _files_of(each)), None)


def _files_of(record: BatchRecord) -> list[str]:
    written = (record.document.get("output_file_id"), record.document.get("error_file_id"))
    return [record.input_file_id, *(each for each in written if isinstance(each, str))]
