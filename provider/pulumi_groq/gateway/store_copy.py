"""A whole store copied from SQLite to PostgreSQL, with what lies beside it, and checked.

The journal is booked into the source first, as a start of the gateway does: then the tables hold all that was
spent. The copy refuses to be used until it has been compared with the source, table by table.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pulumi_groq.gateway.metering.journal import journal_directory
from pulumi_groq.gateway.metering.recovery import book_journal
from pulumi_groq.gateway.server_secret import secret_path
from pulumi_groq.gateway.store.copying import put_in_place
from pulumi_groq.gateway.store.engine import sqlite_path
from pulumi_groq.gateway.store.errors import StoreOpenError, StoreUnavailableError
from pulumi_groq.gateway.store.migrate import require_own
from pulumi_groq.gateway.store.owner import give_to_owner
from pulumi_groq.gateway.store.postgresql import is_postgresql
from pulumi_groq.gateway.store.row_copy import (
    Begun,
    TableSum,
    begin_copy,
    copy_rows,
    end_copy,
    name_of,
    row_count,
    table_sums,
)
from pulumi_groq.gateway.store.store import Store, hold_store, open_store

_KEEP_ALL: Final = timedelta(days=365 * 100)

Told = Callable[[str, str, int], None]
"""Told what is done (one of `STEPS`), the table it is at, and how many more of its rows are done."""
Begins = Callable[[int], None]
"""Told how many rows there are, before the first of the steps."""

READ, COPIED, COMPARED = STEPS = ("read", "copied", "compared")


@dataclass(frozen=True, slots=True)
class StoreCopied:
    """What was copied; `begun` is what was there before, and `secret` is where the gateway's own secret is
    now, where the source has one.
    """

    tables: Sequence[TableSum]
    begun: Begun
    secret: Path | None


class CopyDiffersError(StoreOpenError):
    """The copy does not hold what its source holds."""


def copy_store(
    source_url: str, destination_url: str, data_directory: Path, begins: Begins, told: Told
) -> StoreCopied:
    """Copy the SQLite store at `source_url`, that nobody uses, to an empty database of PostgreSQL.

    Cut off at any point, it is to be called again and goes on; called after its end, it compares once more.
    Raises `CopyDiffersError`, and `StoreOpenError` for all else that keeps it from its end, in one line.
    """
    _require_kinds(source_url, destination_url)
    with closing(_source(source_url)) as source, closing(_destination(destination_url, data_directory)) as to:
        _require_empty_journal(to.files)
        with _told_as_use_of(source):
            _book(source)
            # Nobody decides on what is set aside meanwhile: it would be lost.
            with source.write(), source.read_soundly() as reading:
                require_own(reading)
                begins(row_count(reading))
                sums = table_sums(reading, lambda table, count: told(READ, table, count))
                with _to_be_continued(to):
                    with to.write() as connection:
                        begun = begin_copy(connection, name_of(sums))
                    if begun is not Begun.FULL:
                        copy_rows(reading, to, lambda table, count: told(COPIED, table, count))
                    with to.read() as connection:
                        found = table_sums(connection, lambda table, count: told(COMPARED, table, count))
                    _require_equal(sums, found, begun)
                    secret = _copy_secret(source.files, to.files)
                    if begun is not Begun.FULL:
                        with to.write() as connection:
                            end_copy(reading, connection)
    return StoreCopied(sums, begun, secret)


def _require_kinds(source_url: str, destination_url: str) -> None:
    if is_postgresql(source_url) or not is_postgresql(destination_url):
        raise StoreOpenError(
            "stores are copied from SQLite to PostgreSQL: give sqlite:///path/to/gateway.db, then "
            "postgresql://user@host/database"
        )


def _source(url: str) -> Store:
    path = sqlite_path(url)
    if not path.exists():
        raise StoreOpenError(f"there is no store at {path}: name the gateway's own")
    return open_store(url)


def _destination(url: str, data_directory: Path) -> Store:
    try:
        return hold_store(url, data_directory)
    except OSError as failure:
        raise StoreOpenError(f"cannot write {failure.filename}: {failure.strerror}") from failure


def _require_empty_journal(files: Path) -> None:
    segments = _unbooked(journal_directory(files))
    if segments:
        raise StoreOpenError(
            f"{segments[0]} holds what another store has to book: give another --data-dir, or start the "
            "gateway on that store first"
        )


def _unbooked(journal: Path) -> list[Path]:
    return [path for path in sorted(journal.glob("*.jsonl")) if path.read_bytes().strip(b"\0")]


def _book(source: Store) -> None:
    directory = journal_directory(source.files)
    if not _unbooked(directory):
        return  # booking tidies up what is old, too: a copy that goes on would find another store
    recovered, journal = book_journal(source, directory, datetime.now(UTC), _KEEP_ALL)
    journal.close()
    if recovered.waiting_segment is not None:
        raise StoreOpenError(
            f"the disk of {source.files} is full: make space, for its journal is to be booked"
        )


def _require_equal(wanted: Sequence[TableSum], found: Sequence[TableSum], begun: Begun) -> None:
    differing = [pair for pair in zip(wanted, found, strict=True) if pair[0] != pair[1]]
    if not differing:
        return
    if begun is Begun.FULL:
        raise StoreOpenError(
            "the database holds another store, or one that was used since it was copied: give an empty one"
        )
    source, copy = differing[0]
    raise CopyDiffersError(
        f"the copy differs from the store in {len(differing)} of {len(wanted)} tables: {copy.table} has "
        f"{copy.rows} rows of {source.rows}, SHA-256 {copy.sha256[:12]} instead of {source.sha256[:12]}. "
        "Nobody can use it: empty the database, and copy again"
    )


def _copy_secret(source: Path, destination: Path) -> Path | None:
    kept, copy = secret_path(source), secret_path(destination)
    try:
        if not kept.exists():
            return None
        if copy.exists() and copy.read_bytes() != kept.read_bytes():
            raise StoreOpenError(f"{copy} is the secret of another gateway: give another --data-dir")
        new = copy.with_name(copy.name + ".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(kept.read_bytes())
        put_in_place(new, copy)
        give_to_owner(copy)
    except OSError as failure:
        raise StoreOpenError(f"cannot copy {kept} to {copy}: {failure.strerror}") from failure
    return copy


@contextmanager
def _told_as_use_of(source: Store) -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as error:
        raise source.backend.cannot_use(error) from error
    except OSError as failure:
        raise StoreOpenError(
            f"cannot use {failure.filename or source.files}: {failure.strerror}"
        ) from failure


@contextmanager
def _to_be_continued(destination: Store) -> Iterator[None]:
    """What ends the copy when `destination` fails: it is said what is to be done."""
    try:
        yield
    except StoreUnavailableError as error:
        raise StoreOpenError(
            f"{destination.backend.cannot_use(error)}; run the same command again, it goes on "
            "where it stopped"
        ) from error
