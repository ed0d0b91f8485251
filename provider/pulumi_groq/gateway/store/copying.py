"""Copies of a database, made by SQLite itself while others write to it, and checked."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import select

from pulumi_groq.gateway.store.engine import BUSY_TIMEOUT_MS, open_engine
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.migrate import is_current
from pulumi_groq.gateway.store.schema import commits

_PAGES: Final = 2_000
_INSTRUCTIONS: Final = 100_000
"""Of SQLite's machine, between two looks at what happens outside: some milliseconds."""


def checked_copy(database: Path, copy: Path, told: Callable[[str, int, int | None], None]) -> int:
    """Copy the store in `database`, at one moment, to the new file `copy`; gives its number of writes.

    `told` hears the step, how many pages of it are done, and of how many. Ctrl-C ends it at any of them.
    Raises `StoreOpenError`: there is none, it is damaged, or of another version.
    """
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            closing(_connected(database)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            # Some pages at a time, so that it can be stopped; all of the moment that the transaction holds.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            source.backup(
                target,
                pages=_PAGES,
                progress=lambda _, left, pages: told("copying the store", pages - left, pages),
            )
            told("checking the copy", 0, None)
            target.set_progress_handler(lambda: told("checking the copy", 0, None), _INSTRUCTIONS)
            found = target.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_INTERRUPT:  # made of Ctrl-C by SQLite
            raise KeyboardInterrupt from None
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            raise StoreOpenError(
                f"{database} is damaged or no database ({error}): nothing was copied"
            ) from error
        raise StoreOpenError(f"cannot copy {database}: {error}") from error
    if found != "ok":
        raise StoreOpenError(
            f"{database} is damaged ({str(found).splitlines()[0][:200]}): nothing was copied"
        )
    return _writes(copy, database)


def end_log(database: Path) -> None:
    """Make a database that nobody uses one file without a log beside it, to be copied anywhere."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def put_in_place(file: Path, destination: Path) -> None:
    """Move a file to its place, on disk with its name when this returns. Raises `OSError`."""
    for path in (file, file.parent):
        _sync(path)
    file.replace(destination)
    _sync(destination.parent)


def _connected(database: Path) -> sqlite3.Connection:
    # `rw`: a missing file is an error, and a log beside it is read.
    uri = f"file:{quote(str(database))}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000)


def _writes(copy: Path, of: Path) -> int:
    engine = open_engine(copy)
    try:
        with engine.connect() as connection, connection.begin():
            if not is_current(connection):
                raise StoreOpenError(f"{of} is no store of this version of pulumi-groq: nothing was copied")
            return connection.scalar(select(commits.c.count)) or 0
    finally:
        engine.dispose()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
