"""Backups of a store that may be in use, and their return.

A backup is a store: one database file, complete, with what the journal held booked in it, and beside it the
server's secret where the gateway made its own. What was in flight when it was made is charged as reserved.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from pulumi_groq.gateway.metering.journal import journal_directory
from pulumi_groq.gateway.metering.recovery import book_journal
from pulumi_groq.gateway.server_secret import secret_path
from pulumi_groq.gateway.store.copying import checked_copy, end_log, put_in_place
from pulumi_groq.gateway.store.engine import sqlite_path
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.lock import StoreLock
from pulumi_groq.gateway.store.owner import give_to_owner
from pulumi_groq.gateway.store.stamp import CommitStamp
from pulumi_groq.gateway.store.store import open_store

_ALL: Final = timedelta(days=365 * 100)
_MOST_TRIES: Final = 50

Told = Callable[[str, int, int | None], None]
"""Told the step, how many of its pages are done, and of how many; of other steps 0 and None."""
Placing = Callable[[], None]
"""Called before the result is put in place: whoever cuts it off from there on leaves half of it."""


def back_up(store_url: str, destination: Path, told: Told, placing: Placing) -> None:
    """Create `destination`, a store that holds everything that was acknowledged before the call.

    Nothing is overwritten. The gateway may serve meanwhile. Raises `StoreError`, in one line.
    """
    database = sqlite_path(store_url)
    if not database.is_file():
        raise StoreOpenError(f"there is no store at {database}: name the gateway's own with --store")
    try:
        for existing in (destination, secret_path(destination)):
            if existing.exists():
                raise StoreOpenError(f"{existing} exists: give the backup a name of its own")
        with TemporaryDirectory(dir=destination.parent, prefix=f".{destination.name}.") as folder:
            made = _make(database, Path(folder), told)
            placing()
            if made.secret is not None:
                put_in_place(made.secret, secret_path(destination))
            put_in_place(made.store, destination)
    except OSError as failure:
        raise StoreOpenError(f"cannot write the backup {destination}: {failure.strerror}") from failure


def restore(backup: Path, store_url: str, *, replace: bool, told: Told, placing: Placing) -> int:
    """Replace a store that nobody uses with a backup; returns the number of segments of the journal
    that are there and are booked at the next start.

    Raises `StoreError`: the backup is none, or damaged; the store is in use, or exists and `replace` is not
    given.
    """
    database = sqlite_path(store_url)
    if not database.parent.is_dir():
        raise StoreOpenError(f"the folder {database.parent} does not exist: create it, or give another store")
    lock, placed = StoreLock(database), False
    try:
        if database.exists() and database.stat().st_size and not replace:
            raise StoreOpenError(
                f"{database} exists: --replace puts the backup in its place, and what it holds is gone"
            )
        with TemporaryDirectory(dir=database.parent, prefix=f".{database.name}.") as folder:
            copy = Path(folder) / "store"
            count = checked_copy(backup, copy, told)
            secret = _private_copy(secret_path(backup), Path(folder))
            placing()
            placed = True
            if secret is not None:
                put_in_place(secret, secret_path(database))
                give_to_owner(secret_path(database))
            for name in ("-wal", "-shm"):  # of the former database: SQLite would read them into this one
                database.with_name(database.name + name).unlink(missing_ok=True)
            put_in_place(copy, database)
            give_to_owner(database)
        _note_writes(database, count)
        journal = journal_directory(database)
        return len(list(journal.glob("*.jsonl"))) if journal.is_dir() else 0
    except OSError as failure:
        raise StoreOpenError(f"cannot write {database}: {failure.strerror}") from failure
    finally:
        if placed:
            lock.release()
        else:
            lock.withdraw()


class _Made(NamedTuple):
    store: Path
    secret: Path | None


def _make(database: Path, folder: Path, told: Told) -> _Made:
    acknowledged = CommitStamp(database).read()
    # The journal first: what leaves it meanwhile is in the store by then.
    told("copying the journal", 0, None)
    _copy_journal(journal_directory(database), folder / "journal")
    copy = folder / "store"
    count = checked_copy(database, copy, told)
    if acknowledged is not None and count < acknowledged:
        raise StoreOpenError(
            f"{database} holds {count} of the {acknowledged} writes that it acknowledged: its write-ahead "
            "log is missing, so this would be no whole backup"
        )
    told("booking the journal", 0, None)
    _note_writes(copy, count)  # else the copy would be opened as one that may have lost its log
    _book_journal(copy, folder / "journal")
    end_log(copy)
    return _Made(copy, _private_copy(secret_path(database), folder))


def _note_writes(database: Path, count: int) -> None:
    stamp = CommitStamp(database)
    stamp.write(count)
    stamp.close()


def _copy_journal(source: Path, target: Path) -> None:
    """Copy the segments as they are at one moment, up to what is written by then."""
    target.mkdir(mode=0o700)
    if not source.is_dir():
        return
    for _ in range(_MOST_TRIES):
        names = _segments(source)
        for name in names:
            try:
                # What is written at the first look is whole at the second.
                written = len((source / name).read_bytes().rstrip(b"\0"))
                (target / name).write_bytes((source / name).read_bytes()[:written])
            except FileNotFoundError:
                break
        if names == _segments(source):
            return
        for name in names:
            (target / name).unlink(missing_ok=True)
    raise StoreOpenError(f"the journal in {source} changes too quickly to be copied: try again")


def _segments(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.jsonl"))


def _book_journal(copy: Path, directory: Path) -> None:
    store = open_store(f"sqlite:///{copy}")
    try:
        _, journal = book_journal(store, directory, datetime.now(UTC), _ALL)
        journal.close()
    finally:
        store.close()


def _private_copy(path: Path, folder: Path) -> Path | None:
    if not path.exists():
        return None
    copy = folder / "secret"
    with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(path.read_bytes())
    return copy
