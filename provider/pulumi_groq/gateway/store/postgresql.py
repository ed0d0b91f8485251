"""A store in a database of PostgreSQL: what of a store is PostgreSQL's own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError

from pulumi_groq.gateway.store.errors import (
    RowRefusedError,
    StoreError,
    StoreOpenError,
    StoreUnavailableError,
)

CONNECT_TIMEOUT_S: Final = 5
POOL_WAIT_S: Final = 5.0
LONGEST_OUTAGE_S: Final = 300.0
"""For so long after the last answer of PostgreSQL what is in memory may be spent by."""

_OURS: Final = 0x67726F71
"""The first half of the keys of our advisory locks: "groq"."""
_GATEWAY, _WRITER = 1, 2

_SESSION: Final = {
    "TimeZone": "UTC",  # the driver makes no time of a day that is in another year elsewhere
    "lock_timeout": "5s",
    "statement_timeout": "60s",
    # The server ends the session, and with it the lock, of a gateway whose machine is gone.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_CLIENT: Final = {
    "connect_timeout": str(CONNECT_TIMEOUT_S),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "application_name": "pulumi-groq",
}


def is_postgresql(url: str) -> bool:
    """Whether a URL is of PostgreSQL."""
    return url.startswith(("postgresql:", "postgres:", "postgresql+psycopg:"))


def shown(url: str) -> str:
    """The URL without password and parameters, for people to read."""
    parsed = _parse(url)
    return URL.create(
        "postgresql", parsed.username, None, parsed.host, parsed.port, parsed.database
    ).render_as_string()


def open_postgresql_engine(url: str) -> Engine:
    """An engine on a `postgresql://` URL; parameters of libpq (sslmode, sslrootcert) are passed on.

    Connects to nothing yet. Raises `StoreOpenError` for a bad URL, or when the driver is missing.
    """
    parsed = _parse(url)
    query = _CLIENT | dict(parsed.query)
    settings = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    query["options"] = f"{settings} {parsed.query.get('options', '')}".strip()
    try:
        return create_engine(
            parsed.set(drivername="postgresql+psycopg", query=query),
            paramstyle="format",  # positional, as SQLite's: rows go to the driver as they are
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,  # after an outage the first use works again
            max_overflow=32,
            hide_parameters=True,
        )
    except ModuleNotFoundError as missing:
        raise StoreOpenError(
            f"{missing.name} is missing: pip install 'pulumi-groq[postgresql]' for a store on PostgreSQL"
        ) from None


class PostgresqlBackend:
    """Implements `store.backend.Backend`; `hold` is given back by `close`. Commands have none."""

    def __init__(self, url: str, hold: "GatewayHold | None") -> None:
        self.engine = open_postgresql_engine(url)
        self._shown = shown(url)
        self._hold = hold

    @property
    def is_ours(self) -> bool:
        """Whether no other gateway can be using the store."""
        return self._hold is None or self._hold.is_ours

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[Connection]:
        """A transaction that sees one state; one that writes is alone in the whole database."""
        with postgresql_transaction(self.engine, writes=writes) as connection:
            yield connection

    def failure(self, error: DBAPIError) -> StoreError:
        """What an error of the driver means, without the values that the server quotes."""
        return postgresql_failure(error)

    def cannot_use(self, error: StoreUnavailableError) -> StoreOpenError:
        """Why a gateway on this store does not start."""
        cause = error.__cause__
        return _cannot_use(self._shown, str(cause.orig if isinstance(cause, DBAPIError) else error))

    def look_through(self, *, accept_older: bool) -> None:
        """PostgreSQL looks after its own files."""

    def committed(self, count: int) -> None:
        """Nothing is to be noted."""

    def checkpoint(self) -> None:
        """PostgreSQL does it itself."""

    def watch(self) -> None:
        """Keep the hold on the store."""
        if self._hold is not None:
            self._hold.watch()

    def close(self) -> None:
        """Close all connections, and let another gateway have the store."""
        self.engine.dispose()
        if self._hold is not None:
            self._hold.release()


class GatewayHold:
    """Exactly one gateway per database: a lock that lives as long as its session, watched each second.

    PostgreSQL ends the session with the process, with its machine (after the keep-alives) and with its own
    restart. While it cannot be reached, what is in memory counts for `LONGEST_OUTAGE_S`; once another
    gateway holds the store, nothing of it does.
    Raises `StoreOpenError` when PostgreSQL cannot be reached or another gateway holds the store.
    """

    def __init__(self, url: str, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = open_postgresql_engine(url)
        self._shown = shown(url)
        self._monotonic_s = monotonic_s
        self._one_at_a_time = threading.Lock()
        self._session: Connection | None = None
        self._is_taken = False
        self._seen_s = monotonic_s()
        try:
            is_free = self._take()
        except DBAPIError as error:
            self.release()
            raise _cannot_use(self._shown, str(error.orig)) from error
        if not is_free:
            self.release()
            raise StoreOpenError(
                f"another gateway is using {self._shown}: stop it first, or give this one a database of its "
                "own; limits and budgets counted in two processes would not be held"
            )

    @property
    def is_ours(self) -> bool:
        """Whether no other gateway can be using the store."""
        return not self._is_taken and self._monotonic_s() - self._seen_s <= LONGEST_OUTAGE_S

    def watch(self) -> None:
        """Look whether the session lives, and take the lock anew where it does not.

        Raises `StoreUnavailableError`: PostgreSQL does not answer, or another gateway has taken the store.
        """
        with self._one_at_a_time:
            try:
                if self._session is None or not self._lives(self._session):
                    self._is_taken = not self._take()
                self._seen_s = self._monotonic_s()
            except DBAPIError as error:
                raise _unavailable(error) from error
        if self._is_taken:
            raise StoreUnavailableError("another gateway has taken the store: stop one of the two")

    def release(self) -> None:
        """Let another gateway have the store."""
        self._drop()
        self._engine.dispose()

    def _lives(self, session: Connection) -> bool:
        try:
            session.exec_driver_sql("SELECT 1")
        except DBAPIError:
            self._drop()
            return False
        return True

    def _take(self) -> bool:
        session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            taken = session.exec_driver_sql(f"SELECT pg_try_advisory_lock({_OURS}, {_GATEWAY})").scalar()
        except BaseException:
            session.close()
            raise
        if taken:
            self._session = session
        else:
            session.close()
        return bool(taken)

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(DBAPIError):
                session.invalidate()  # closed, and so unlocked, instead of kept for the next user
                session.close()


@contextmanager
def postgresql_transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """A transaction that sees one state. One that writes waits until it is the only one that does: then
    what it read stays true until it ends, as on SQLite.
    """
    level = "READ COMMITTED" if writes else "REPEATABLE READ"
    with engine.connect().execution_options(isolation_level=level) as connection, connection.begin():
        if writes:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_OURS}, {_WRITER})")
        yield connection


def postgresql_failure(error: DBAPIError) -> StoreError:
    """What an error of the driver means, without the values that the server quotes."""
    if isinstance(error, IntegrityError | DataError):
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        named = f" ({constraint})" if constraint else ""
        return RowRefusedError(f"{type(error.orig).__name__}{named}")
    return _unavailable(error)


def compare_bytes(connection: Connection) -> None:
    """Order text by its bytes, as SQLite and Python do, whatever the database's language: pages of lists
    begin where the last one ended.
    """
    columns = connection.exec_driver_sql(
        "SELECT table_name, column_name, character_maximum_length FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND data_type = 'character varying'"
        " AND collation_name IS DISTINCT FROM 'C'"
    )
    for table, column, length in columns.all():
        connection.exec_driver_sql(
            f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE varchar({length}) COLLATE "C"'
        )


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or not parsed.database:
        # The URL itself is not shown: it may hold a password.
        raise StoreOpenError("the store must be a URL of the form postgresql://user@host:5432/database")
    return parsed


def _unavailable(error: DBAPIError) -> StoreUnavailableError:
    """Without host and user: `/readyz` shows it to anybody."""
    state: Any = getattr(error.orig, "sqlstate", None)
    if isinstance(error, OperationalError) and (error.connection_invalidated or state is None):
        return StoreUnavailableError("PostgreSQL cannot be reached")
    return StoreUnavailableError(f"PostgreSQL does not do it: {type(error.orig).__name__}")


def _cannot_use(where: str, said: str) -> StoreOpenError:
    return StoreOpenError(f"cannot use {where} as a store: {' '.join(said.split())}")
