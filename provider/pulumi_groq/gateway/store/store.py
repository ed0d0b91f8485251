"""The store as the rest of the gateway holds it: transactions to read and to write."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pulumi_groq.gateway.store.disk_space import DiskReserve
from pulumi_groq.gateway.store.engine import WRITES, open_engine, sqlite_path
from pulumi_groq.gateway.store.errors import (
    RowRefusedError,
    StoreDamagedError,
    StoreFullError,
    StoreOpenError,
    StoreUnavailableError,
)
from pulumi_groq.gateway.store.lock import StoreLock
from pulumi_groq.gateway.store.migrate import is_current, migrate
from pulumi_groq.gateway.store.schema import commits
from pulumi_groq.gateway.store.stamp import CommitStamp, stamp_path

__all__ = ["Connection", "Store", "cannot_use", "open_beside", "open_store"]

CHECKED_BYTES: Final = 256 * 1024 * 1024
"""A larger database is not checked at every start: that would take longer than a second or two."""

_FULL: Final = sqlite3.SQLITE_FULL
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY_CODE: Final = 0xFF

_log = logging.getLogger(__name__)


class Store:
    """An open store; safe to use from any thread. Call nothing of it on the event loop: it waits for disk.

    Once found damaged, it answers nothing more: which pages are good is chance, and writing makes it
    worse. `reserve` is space of the disk, kept for booking what was acknowledged when all else is full.
    """

    def __init__(self, engine: Engine, lock: StoreLock, stamp: CommitStamp, reserve: DiskReserve) -> None:
        self.engine = engine
        self.reserve = reserve
        self._lock = lock
        self._stamp = stamp
        self._one_writer = threading.Lock()
        self._to_checkpoint = False
        self._damage: StoreDamagedError | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state; raises `StoreUnavailableError`."""
        with self._unless_damaged(), _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read_soundly(self) -> Iterator[Connection]:
        """As `read`, at startup: an unreadable value raises `StoreDamagedError`, too."""
        try:
            with self.read() as connection:
                yield connection
        except (ValueError, TypeError, LookupError, AttributeError, RowRefusedError) as error:
            raise StoreDamagedError(f"a row cannot be read, {type(error).__name__}") from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The only write transaction at a time; on disk once the block ends without an error.

        Raises `StoreUnavailableError`, and `RowRefusedError` for a value that it cannot hold; then, and after
        any error in the block, nothing was written.
        """
        with self._one_writer:
            with (
                self._unless_damaged(),
                _translated(),
                self.engine.connect().execution_options(**{WRITES: True}) as connection,
                connection.begin(),
            ):
                yield connection
                counted = update(commits).values(count=commits.c.count + 1).returning(commits.c.count)
                count = connection.scalar(counted)
            self._stamp.write(count or 0)
            self._to_checkpoint = True

    def check(self) -> None:
        """Raise `StoreUnavailableError` unless the store answers."""
        with self.read() as connection:
            connection.execute(text("SELECT 1 FROM alembic_version"))

    def checkpoint(self) -> None:
        """Bring what was written since the last call from the write-ahead log into the database, so that a
        lost log loses little. Raises `StoreUnavailableError`.
        """
        if not self._to_checkpoint:
            return
        with self._unless_damaged(), _translated(), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").close()
        self._to_checkpoint = False

    @contextmanager
    def _unless_damaged(self) -> Iterator[None]:
        if self._damage is not None:
            raise StoreDamagedError(str(self._damage))
        try:
            yield
        except StoreDamagedError as damage:
            self._damage = damage
            raise

    def close(self) -> None:
        """Close all connections and let another process have the store. The reserve stays, for its start."""
        self.engine.dispose()
        self._stamp.close()
        self._lock.release()


def open_store(url: str, *, accept_older: bool = False) -> Store:
    """Open the store at `url` (`sqlite:///path`), created or migrated where needed.

    Raises `StoreOpenError`: bad URL or path, not a database, in use, damaged, of another version, or older
    than what was written to it (unless `accept_older`).
    """
    path = sqlite_path(url)
    if not path.parent.is_dir():
        raise StoreOpenError(f"the folder {path.parent} does not exist: create it, or give another store")
    lock = StoreLock(path)
    stamp = CommitStamp(path)
    reserve = DiskReserve(path.with_name(path.name + ".reserve"))
    store = Store(open_engine(path), lock, stamp, reserve)
    try:
        # Opening and booking need a little space, and this may be all that is left.
        reserve.release()
        _create_private(path)
        _open(store, path, stamp, accept_older=accept_older)
    except StoreUnavailableError as error:
        store.close()
        raise cannot_use(path, error) from error
    except StoreOpenError:
        store.close()
        raise
    except OSError as error:  # a directory in the place of one of its files, a disk that does not answer
        store.close()
        raise StoreOpenError(
            f"cannot use {error.filename or path}, of the store: {error.strerror}; move away what is there"
        ) from error
    return store


def _open(store: Store, path: Path, stamp: CommitStamp, *, accept_older: bool) -> None:
    if path.stat().st_size <= CHECKED_BYTES:
        _look_through(store)
    acknowledged = stamp.read()
    with store.read() as connection:
        current = is_current(connection)
        has_count = inspect(connection).has_table(commits.name)
        held = connection.scalar(select(commits.c.count)) if has_count else 0
    if held and acknowledged is None:
        _log.warning(
            "%s is missing or damaged, so a loss of acknowledged writes (of the write-ahead log, for one) "
            "would not be seen: compare the keys with what is declared",
            stamp_path(path),
        )
    elif acknowledged is not None and (held or 0) < acknowledged:
        if not accept_older:
            raise _older(path, held or 0, acknowledged)
        stamp.write(held or 0)
    if not current:
        with store.write() as connection:
            migrate(connection)
    store.checkpoint()


@contextmanager
def open_beside(url: str, *, writes: bool = False) -> Iterator[Connection]:
    """One transaction on a store that a gateway may be serving, for commands. Raises `StoreError`."""
    path = sqlite_path(url)
    if not path.exists():
        raise StoreOpenError(f"there is no store at {path}: name the gateway's own with --store")
    engine = open_engine(path)
    try:
        with (
            _translated(),
            engine.connect().execution_options(**{WRITES: writes}) as connection,
            connection.begin(),
        ):
            if not is_current(connection):
                raise StoreOpenError(f"{path} is no store yet: start the gateway on it first")
            yield connection
    finally:
        engine.dispose()


def _look_through(store: Store) -> None:
    with store.read() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise StoreDamagedError(str(found).replace("\n", " ")[:200])


def cannot_use(path: Path, error: StoreUnavailableError) -> StoreOpenError:
    """Why a gateway on this store does not start, and what to do."""
    if isinstance(error, StoreDamagedError):
        return _damaged(path, str(error))
    if isinstance(error, StoreFullError):
        return StoreOpenError(f"cannot use {path} as a store: {error}; make space on its disk")
    return StoreOpenError(f"cannot use {path} as a store: {error}")


def _damaged(path: Path, reason: str) -> StoreOpenError:
    return StoreOpenError(
        f"cannot use {path} as a store: it is damaged or no database ({reason}); keep a copy of it, then "
        "bring back a backup with `pulumi-groq restore`, or give a new store"
    )


def _older(path: Path, held: int, acknowledged: int) -> StoreOpenError:
    return StoreOpenError(
        f"the store {path} holds {held} of the {acknowledged} writes that it acknowledged: its write-ahead "
        f"log ({path.name}-wal) is missing, or an older copy was put in its place. Put the log back, or "
        "bring back a backup with `pulumi-groq restore`; --accept-older-store goes on with what is there"
    )


def _create_private(path: Path) -> None:
    """SQLite gives its WAL the database's mode, so the mode is set before the first connection."""
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreOpenError(f"cannot write {path}: {error.strerror}; give a writable place") from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError, InterfaceError) as error:
        raise RowRefusedError(str(error.orig)) from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError("all connections to the store are busy") from error
    except DBAPIError as error:
        raise _unavailable(error.orig) from error
    except (StatementError, OverflowError, UnicodeEncodeError) as error:
        # The driver's and SQLAlchemy's own checks of a value; a message may quote it.
        raise RowRefusedError(f"a value does not fit its column ({type(error).__name__})") from error


def _unavailable(error: BaseException | None) -> StoreUnavailableError:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code == _FULL:
        return StoreFullError(str(error))
    if code in _DAMAGED:
        return StoreDamagedError(str(error))
    return StoreUnavailableError(str(error))
