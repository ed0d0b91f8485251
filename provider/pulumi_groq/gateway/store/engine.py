"""Engines on SQLite with the settings that make an acknowledged write survive a crash."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.postgresql import is_postgresql

BUSY_TIMEOUT_MS: Final = 5_000
POOL_WAIT_S: Final = 5.0
WRITES: Final = "pulumi_groq_writes"
"""Execution option of a connection that is going to write."""


def sqlite_path(url: str) -> Path:
    """The database file of a `sqlite:///` URL, absolute, whether or not it is there. Raises `StoreOpenError`
    for any other URL, and where this user may not look.
    """
    if is_postgresql(url):
        raise StoreOpenError(
            "this is for a SQLite store: back PostgreSQL up with pg_dump, and bring it back with pg_restore"
        )
    parsed = _parse(url)
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise StoreOpenError("the store must be a file, such as sqlite:////var/lib/gateway/gateway.db")
    path = Path(parsed.database).absolute()
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # whoever needs it there says so
    except OSError as error:
        raise StoreOpenError(
            f"cannot look at {path}: {error.strerror}; run this as the gateway's user, or give another store"
        ) from error
    return path


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername != "sqlite" or parsed.host:
        # The URL itself is not shown: one of another database may hold a password.
        raise StoreOpenError(
            "the store must be a URL of the form sqlite:///path/to/gateway.db or postgresql://user@host/database"
        )
    return parsed


def open_engine(path: Path) -> Engine:
    """An engine on the SQLite file at `path`: WAL, every commit synced, foreign keys on."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_timeout=POOL_WAIT_S,
        max_overflow=32,
        # Statement parameters hold metadata and sealed answers: they never reach a log or an error.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # The driver's own transaction control begins too late and breaks DDL: SQLAlchemy's `begin` does it.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    # Taking the write lock at once avoids the deadlock of two readers that both want to write.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
