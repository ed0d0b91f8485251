"""The store as the rest of the gateway holds it: transactions to read and to write."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pulumi_groq.gateway.store.backend import Backend, Member, StoreHold
from pulumi_groq.gateway.store.disk_space import DiskReserve
from pulumi_groq.gateway.store.engine import sqlite_path
from pulumi_groq.gateway.store.errors import (
    ALL_BUSY,
    RowRefusedError,
    StoreDamagedError,
    StoreOpenError,
    StoreUnavailableError,
)
from pulumi_groq.gateway.store.lock import StoreLock
from pulumi_groq.gateway.store.membership import STALE_KEYS_S, Membership, replica_name
from pulumi_groq.gateway.store.migrate import is_current, is_new, migrate
from pulumi_groq.gateway.store.owner import give_to_owner
from pulumi_groq.gateway.store.postgresql import CopyHold, PostgresqlBackend, is_postgresql
from pulumi_groq.gateway.store.schema import commits
from pulumi_groq.gateway.store.sqlite import SqliteBackend

__all__ = ["Connection", "Store", "open_beside", "open_store"]

SQLITE_NAME: Final = "gateway.db"
"""What a store on SQLite is called unless it is told another name."""
DEFAULT_DATA_DIRECTORY: Final = Path("gateway-data")
"""Where a gateway on PostgreSQL keeps its journal, unless it is told another place."""

_COUNT: Final = update(commits).values(count=commits.c.count + 1).returning(commits.c.count)


class Store:
    """An open store; safe to use from any thread. Call nothing of it on the event loop: it waits for disk.

    Once found damaged, it answers nothing more: which pages are good is chance, and writing makes it
    worse. `files` is what the files of this gateway (journal, secret, reserve) are named after: the database
    itself where it is a file. `reserve` is space of the disk, kept for booking what was acknowledged when all
    else is full.
    """

    def __init__(self, backend: Backend, files: Path, lock: StoreLock, reserve: DiskReserve) -> None:
        self.backend = backend
        self.files = files
        self.reserve = reserve
        self._lock = lock
        self._one_writer = threading.Lock()
        self._damage: StoreDamagedError | None = None

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine."""
        return self.backend.engine

    @property
    def is_ours(self) -> bool:
        """Whether what is in memory may be acted by: no other gateway can be using the store, or this one has
        its place among them and hears of what they change. Does not wait.
        """
        return self.backend.is_ours

    @property
    def member(self) -> Member | None:
        """This gateway's place among those that share the store; `None` where it is alone."""
        return self.backend.member

    @property
    def replica(self) -> str | None:
        """Its name among them."""
        return None if self.member is None else self.member.holder.replica

    @property
    def is_behind(self) -> bool:
        """Whether the database lacks what it acknowledged to this process, which has to end then."""
        return self.member is not None and self.member.is_behind

    def when_behind(self, end: Callable[[], None]) -> None:
        """Have `end` called when it is, in whatever thread finds it."""
        if self.member is not None:
            self.member.when_behind = end

    @property
    def leads(self) -> bool:
        """Whether this gateway does what one of those that share the store has to do."""
        return self.member is None or self.member.live[:1] == [self.replica]

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state; raises `StoreUnavailableError`."""
        with (
            self._unless_damaged(),
            _translated(self.backend),
            self.backend.transaction(writes=False) as connection,
        ):
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
        if not self.is_ours:
            raise StoreUnavailableError("this gateway has lost its place at the store")
        with self._one_writer:
            with (
                self._unless_damaged(),
                _translated(self.backend),
                self.backend.transaction(writes=True) as connection,
            ):
                yield connection
                count = connection.scalar(_COUNT)
            self.backend.committed(count or 0)

    def check(self) -> None:
        """Raise `StoreUnavailableError` unless the store answers."""
        with self.read() as connection:
            connection.execute(text("SELECT 1 FROM alembic_version"))

    def checkpoint(self) -> None:
        """Bring what was written since the last call from a log into the database, so that a lost log loses
        little. Raises `StoreUnavailableError`.
        """
        with self._unless_damaged(), _translated(self.backend):
            self.backend.checkpoint()

    def look_through(self, *, accept_older: bool) -> None:
        """Look for damage and loss, at the start. Raises `StoreError`."""
        with _translated(self.backend):
            self.backend.look_through(accept_older=accept_older)

    def watch(self) -> None:
        """See to it that the store is still ours, each second. Raises `StoreUnavailableError`."""
        self.backend.watch()

    def end_silent(self) -> None:
        """End connections on which nothing is heard any more, so that whoever waits goes on. Does not wait.
        Raises `StoreUnavailableError` where there were some.
        """
        self.backend.end_silent()

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
        self.backend.close()
        self._lock.release()

    def withdraw(self) -> None:
        """As `close`, where nothing was done with it: no lock is left beside a file that is no store."""
        self.backend.close()
        self._lock.withdraw()


def open_store(
    url: str,
    *,
    accept_older: bool = False,
    data_directory: Path | None = None,
    stale_keys_s: int = STALE_KEYS_S,
) -> Store:
    """Open the store at `url` (`sqlite:///path` or `postgresql://...`), created or migrated where needed; on
    PostgreSQL the gateway joins those that are there.

    `data_directory` is for what a gateway on PostgreSQL keeps on its own disk, and made where it is missing.
    For `stale_keys_s` after PostgreSQL last answered, what is in memory may be acted by.
    Raises `StoreOpenError`: bad URL or path, no answer, not a database, in use, damaged, of another version,
    a copy that is not whole, or older than what was written to it (unless `accept_older`).
    """
    store = _held(url, data_directory, None)
    files = store.files
    try:
        # Opening and booking need a little space, and this may be all that is left.
        store.reserve.release()
        if isinstance(store.backend, SqliteBackend):
            _create_private(files)
        else:
            _require_copied(store)
        _open(store, accept_older=accept_older)
        if isinstance(store.backend, PostgresqlBackend):
            _join(store, store.backend, stale_keys_s)
    except StoreUnavailableError as error:
        store.withdraw()
        raise store.backend.cannot_use(error) from error
    except StoreOpenError:
        store.withdraw()
        raise
    except OSError as error:  # a directory in the place of one of its files, a disk that does not answer
        store.withdraw()
        raise StoreOpenError(
            f"cannot use {error.filename or files}, of the store: {error.strerror}; move away what is there"
        ) from error
    return store


def hold_store(url: str, data_directory: Path | None = None) -> Store:
    """The store at `url` for this process alone, as it is: of any version, or none yet.

    Raises `StoreOpenError`: bad URL or path, no answer, in use.
    """
    return _held(url, data_directory, CopyHold(url) if is_postgresql(url) else None)


def _held(url: str, data_directory: Path | None, hold: StoreHold | None) -> Store:
    if is_postgresql(url):
        files = _data_files(data_directory or DEFAULT_DATA_DIRECTORY)
    else:
        files = sqlite_path(url)
        if not files.parent.is_dir():
            raise StoreOpenError(
                f"the folder {files.parent} does not exist: create it, or give another store"
            )
    lock = StoreLock(files)
    try:
        backend = PostgresqlBackend(url, hold) if is_postgresql(url) else SqliteBackend(files)
    except StoreOpenError:
        lock.withdraw()
        raise
    return Store(backend, files, lock, DiskReserve(files.with_name(files.name + ".reserve")))


def _open(store: Store, *, accept_older: bool) -> None:
    store.look_through(accept_older=accept_older)
    with store.read() as connection:
        current = is_current(connection)
    if not current:
        with store.write() as connection:
            if not is_current(connection):  # another gateway was quicker
                migrate(connection)
    store.checkpoint()


def _require_copied(store: Store) -> None:
    """An upgrade that only names the new database would begin without a key, and everybody be refused."""
    former = store.files.with_name(SQLITE_NAME)
    if not former.exists():
        return
    with store.read() as connection:
        if is_new(connection):
            raise StoreOpenError(
                f"the database is new, and {former} is a store on SQLite: bring it over with `pulumi-groq "
                "store copy`, or move the file away to begin without it"
            )


def _join(store: Store, backend: PostgresqlBackend, stale_keys_s: int) -> None:
    name = replica_name(store.files)
    with _translated(backend):
        backend.join(Membership(backend.engine, name, stale_keys_s))


@contextmanager
def open_beside(url: str, *, writes: bool = False) -> Iterator[Connection]:
    """One transaction on a store that a gateway may be serving, for commands. Raises `StoreError`."""
    with beside(url) as backend, _translated(backend), backend.transaction(writes=writes) as connection:
        if not is_current(connection):
            raise StoreOpenError("the store is empty or older: start the gateway on it first")
        yield connection


def migrate_beside(url: str) -> bool:
    """Bring a store to this version's schema; returns whether anything was left to do. Raises `StoreError`.

    Two that do so at a time wait for each other: the second finds nothing to do.
    """
    with beside(url) as backend, _translated(backend), backend.transaction(writes=True) as connection:
        if is_current(connection):
            return False
        migrate(connection)
    return True


@contextmanager
def beside(url: str) -> Iterator[Backend]:
    """A back end without the lock on its store, for commands. Raises `StoreOpenError`."""
    backend: Backend
    if is_postgresql(url):
        backend = PostgresqlBackend(url)
    else:
        path = sqlite_path(url)
        if not path.exists():
            raise StoreOpenError(f"there is no store at {path}: name the gateway's own with --store")
        backend = SqliteBackend(path)
    try:
        yield backend
    except StoreUnavailableError as error:
        raise backend.cannot_use(error) from error
    finally:
        backend.close()


def _data_files(directory: Path) -> Path:
    try:
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True)
            give_to_owner(directory)
    except OSError as error:
        raise StoreOpenError(
            f"cannot make the folder {directory}: {error.strerror}; give another --data-dir"
        ) from error
    return directory.absolute() / "gateway"


def _create_private(path: Path) -> None:
    """SQLite gives its WAL the database's mode, so the mode is set before the first connection."""
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreOpenError(f"cannot write {path}: {error.strerror}; give a writable place") from error


@contextmanager
def _translated(backend: Backend) -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailableError(ALL_BUSY) from error
    except DBAPIError as error:
        raise backend.failure(error) from error
    except (StatementError, OverflowError, UnicodeEncodeError) as error:
        # The driver's and SQLAlchemy's own checks of a value; a message may quote it.
        raise RowRefusedError(f"a value does not fit its column ({type(error).__name__})") from error
