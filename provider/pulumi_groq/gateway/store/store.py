"""The store as the rest of the gateway holds it: transactions to read and to write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pulumi_groq.gateway.store.engine import WRITES, open_engine, sqlite_path
from pulumi_groq.gateway.store.errors import RowRefusedError, StoreOpenError, StoreUnavailableError
from pulumi_groq.gateway.store.lock import StoreLock
from pulumi_groq.gateway.store.migrate import migrate

__all__ = ["Connection", "Store", "open_store"]


class Store:
    """An open store; safe to use from any thread. Call nothing of it on the event loop: it waits for disk."""

    def __init__(self, engine: Engine, lock: StoreLock) -> None:
        self.engine = engine
        self._lock = lock
        self._one_writer = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state; raises `StoreUnavailableError`."""
        with _translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The only write transaction at a time; on disk once the block is left without an error.

        Raises `StoreUnavailableError`, and `RowRefusedError` for a value that it cannot hold; then, and after
        any error in the block, nothing was written.
        """
        with (
            self._one_writer,
            _translated(),
            self.engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def check(self) -> None:
        """Raise `StoreUnavailableError` unless the store answers."""
        with self.read() as connection:
            connection.execute(text("SELECT 1 FROM alembic_version"))

    def close(self) -> None:
        """Close all connections and let another process have the store."""
        self.engine.dispose()
        self._lock.release()


def open_store(url: str) -> Store:
    """Open the store at `url` (`sqlite:///path`), created or migrated where needed.

    Raises `StoreOpenError`: bad URL or path, not a database, in use, or written by a newer version.
    """
    path = sqlite_path(url)
    if not path.parent.is_dir():
        raise StoreOpenError(f"the folder {path.parent} does not exist: create it, or give another store")
    lock = StoreLock(path)
    engine = open_engine(path)
    store = Store(engine, lock)
    try:
        _create_private(path)
        with store.write() as connection:
            migrate(connection)
    except StoreUnavailableError as error:
        store.close()
        raise StoreOpenError(f"cannot use {path} as a store: {error}") from error
    except StoreOpenError:
        store.close()
        raise
    return store


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
        raise StoreUnavailableError(str(error.orig)) from error
    except (StatementError, OverflowError, UnicodeEncodeError) as error:
        # The driver's and SQLAlchemy's own checks of a value; a message may quote it.
        raise RowRefusedError(f"a value does not fit its column ({type(error).__name__})") from error
