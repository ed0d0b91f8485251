"""A store in one SQLite file: what of a store is SQLite's own."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, select
from sqlalchemy.exc import DBAPIError

from pulumi_groq.gateway.store.backend import Member
from pulumi_groq.gateway.store.engine import WRITES, open_engine
from pulumi_groq.gateway.store.errors import (
    RowRefusedError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreOpenError,
    StoreUnavailableError,
)
from pulumi_groq.gateway.store.schema import commits
from pulumi_groq.gateway.store.stamp import CommitStamp, stamp_path

CHECKED_BYTES: Final = 256 * 1024 * 1024
"""A larger database is not checked at every start: that would take longer than a second or two."""

_FULL: Final = sqlite3.SQLITE_FULL
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY_CODE: Final = 0xFF
_REFUSALS: Final = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)
"""The driver's errors about a value."""

_log = logging.getLogger(__name__)


class SqliteBackend:
    """Implements `store.backend.Backend` over the file at `path`. Nobody else may hold it."""

    is_ours: Final = True
    """The lock of the file is the process's until it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine: Engine = open_engine(path)
        self._stamp = CommitStamp(path)
        self._to_checkpoint = False
        self.member: Member | None = None

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[Connection]:
        """A transaction; the write lock is taken at its beginning."""
        options = {WRITES: writes}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def failure(self, error: DBAPIError) -> StoreError:
        """What an error of the driver means."""
        if isinstance(error.orig, _REFUSALS):
            return RowRefusedError(str(error.orig))
        code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
        if code == _FULL:
            return StoreFullError(str(error.orig))
        if code in _DAMAGED:
            return StoreDamagedError(str(error.orig))
        return StoreUnavailableError(str(error.orig))

    def cannot_use(self, error: StoreUnavailableError) -> StoreOpenError:
        """Why a gateway on this store does not start, and what to do."""
        if isinstance(error, StoreDamagedError):
            return StoreOpenError(
                f"cannot use {self.path} as a store: it is damaged or no database ({error}); keep a copy of "
                "it, then bring back a backup with `pulumi-groq restore`, or give a new store"
            )
        if isinstance(error, StoreFullError):
            return StoreOpenError(f"cannot use {self.path} as a store: {error}; make space on its disk")
        return StoreOpenError(f"cannot use {self.path} as a store: {error}")

    def look_through(self, *, accept_older: bool) -> None:
        """Look for damage, and for writes that were acknowledged and are gone.

        Raises `StoreDamagedError`, `StoreOpenError` (unless `accept_older`), and `DBAPIError`.
        """
        if self.path.stat().st_size <= CHECKED_BYTES:
            with self.transaction(writes=False) as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if found != "ok":
                raise StoreDamagedError(str(found).replace("\n", " ")[:200])
        acknowledged = self._stamp.read()
        with self.transaction(writes=False) as connection:
            has_count = inspect(connection).has_table(commits.name)
            held = connection.scalar(select(commits.c.count)) if has_count else 0
        if held and acknowledged is None:
            _log.warning(
                "%s is missing or damaged, so a loss of acknowledged writes (of the write-ahead log, for "
                "one) would not be seen: compare the keys with what is declared",
                stamp_path(self.path),
            )
        elif acknowledged is not None and (held or 0) < acknowledged:
            if not accept_older:
                raise self._older(held or 0, acknowledged)
            self._stamp.write(held or 0)

    def committed(self, count: int) -> None:
        """The write number `count` is on disk."""
        self._stamp.write(count)
        self._to_checkpoint = True

    def checkpoint(self) -> None:
        """Bring what was written since the last call from the write-ahead log into the database."""
        if not self._to_checkpoint:
            return
        with self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").close()
        self._to_checkpoint = False

    def end_silent(self) -> None:
        """A file is not silent."""

    def watch(self) -> None:
        """Nothing can take the file away."""

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._stamp.close()

    def _older(self, held: int, acknowledged: int) -> StoreOpenError:
        return StoreOpenError(
            f"the store {self.path} holds {held} of the {acknowledged} writes that it acknowledged: its "
            f"write-ahead log ({self.path.name}-wal) is missing, or an older copy was put in its place. Put "
            "the log back, or bring back a backup with `pulumi-groq restore`; --accept-older-store goes on "
            "with what is there"
        )
