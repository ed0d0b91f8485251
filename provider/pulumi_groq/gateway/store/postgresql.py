"""A store in a database of PostgreSQL: what of a store is PostgreSQL's own."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pulumi_groq.gateway.store.backend import Member, StoreHold
from pulumi_groq.gateway.store.errors import (
    ALL_BUSY,
    RowRefusedError,
    StoreError,
    StoreNotYetError,
    StoreOpenError,
    StoreUnavailableError,
)

CONNECT_TIMEOUT_S: Final = 5
POOL_WAIT_S: Final = 5.0

Result = TypeVar("Result")

_OURS: Final = 0x67726F71
"""The first half of the keys of our advisory locks: "groq"."""
_COPY, _WRITER = 1, 2
_READ_ONLY: Final = "25006"
_LOCK_NOT_AVAILABLE: Final = "55P03"
_LOCKED: Final = (
    "another session, such as a gateway that migrates the tables, keeps them locked for longer than 5 s: "
    "try again once it has ended"
)

_REFUSALS: Final = (
    (
        re.compile(r"too many (clients|connections)|connection slots|no more connections allowed"),
        "PostgreSQL has no connection free: raise its max_connections, or what a pooler allows",
    ),
    (re.compile(r"authentication failed|no password supplied"), "PostgreSQL refuses the password"),
)
"""What a server says that can be reached and takes no connection. The driver gives these no code."""

_MANY_HOSTS: Final = re.compile(
    r"(?P<before>[^/]+://(?:[^@/]*@)?)(?P<hosts>[^@/?]+,[^@/?]+)(?P<rest>/.*)", re.DOTALL
)
_HOST: Final = re.compile(r"\[?([^\]]*?)\]?(?::(\d*))?")

_SESSION: Final = {
    "TimeZone": "UTC",  # the driver makes no time of a day that is in another year elsewhere
    "DateStyle": "ISO",  # it reads no other
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
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg", query=query),
            isolation_level="READ COMMITTED",  # whoever waited for a row's lock sees what was done to it
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
    event.listen(engine, "handle_error", _leave_a_standby)
    return engine


def _leave_a_standby(error: ExceptionContext) -> None:
    """A server that became a standby keeps its connections and answers on them, but takes no write any more:
    all of them are made anew, for the address may lead to the new primary by now.
    """
    if getattr(error.original_exception, "sqlstate", None) == _READ_ONLY:
        error.is_disconnect = True


class PostgresqlBackend:
    """Implements `store.backend.Backend`. A gateway is a `member` of those on the database; whoever needs it
    alone has another hold; commands have none.
    """

    def __init__(self, url: str, hold: StoreHold | None = None) -> None:
        self.engine = open_postgresql_engine(url)
        # The driver is an extra, and there by now.
        from pulumi_groq.gateway.store.silence import OpenConnections  # noqa: PLC0415

        self._connections = OpenConnections(self.engine)
        self.member: Member | None = None
        self._hold = hold
        self._shown = shown(url)

    @property
    def is_ours(self) -> bool:
        """Whether what is in memory may be acted by."""
        return self._hold is None or self._hold.is_ours

    def join(self, member: Member) -> None:
        """Be a gateway among the others from now on."""
        self.member = self._hold = member

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
        if not isinstance(cause, DBAPIError):
            return StoreNotYetError(f"cannot use {self._shown} as a store: {error}")
        state = getattr(cause.orig, "sqlstate", None)
        refused = _cannot_use(self._shown, _LOCKED if state == _LOCK_NOT_AVAILABLE else str(cause.orig))
        # No answer at all has no state, whatever libpq says of its reason.
        is_passing = isinstance(cause, OperationalError) or state == _READ_ONLY
        return StoreNotYetError(str(refused)) if is_passing else refused

    def look_through(self, *, accept_older: bool) -> None:
        """PostgreSQL looks after its own files."""

    def committed(self, count: int) -> None:
        """Nothing is to be noted."""

    def checkpoint(self) -> None:
        """PostgreSQL does it itself."""

    def watch(self) -> None:
        """Keep the place among the others."""
        if self._hold is not None:
            self._hold.watch()

    def end_silent(self) -> None:
        """End connections on which nothing is heard any more."""
        if ended := self._connections.end_silent(time.monotonic()):
            raise StoreUnavailableError(
                f"PostgreSQL has been silent on {ended} connections for too long: they are made anew"
            )

    def close(self) -> None:
        """Leave, and close all connections."""
        if self._hold is not None:
            self._hold.release()
        self.engine.dispose()


class CopyHold:
    """One process at a time that copies into a database: a lock that lives as long as its session.

    Raises `StoreOpenError` when PostgreSQL cannot be reached or another process has it.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_postgresql_engine(url)
        try:
            self._session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            taken = self._session.exec_driver_sql(f"SELECT pg_try_advisory_lock({_OURS}, {_COPY})").scalar()
        except DBAPIError as error:
            self._engine.dispose()
            raise _cannot_use(shown(url), str(error.orig)) from error
        if not taken:
            self.release()
            raise StoreOpenError(f"another process is copying into {shown(url)}: wait for its end")

    is_ours: Final = True

    def watch(self) -> None:
        """Look whether the session lives. Raises `StoreUnavailableError`."""
        try:
            self._session.exec_driver_sql("SELECT 1")
        except DBAPIError as error:
            raise _unavailable(error) from error

    def release(self) -> None:
        """Let another process have it."""
        with suppress(DBAPIError):
            self._session.invalidate()  # closed, and so unlocked, instead of kept for the next user
            self._session.close()
        self._engine.dispose()


@contextmanager
def postgresql_transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """A transaction that sees one state. One that writes waits until it is the only one that does: then
    what it read stays true until it ends, as on SQLite. See also `row_transaction`.
    """
    level = "READ COMMITTED" if writes else "REPEATABLE READ"
    with engine.connect().execution_options(isolation_level=level) as connection, connection.begin():
        if writes:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_OURS}, {_WRITER})")
        yield connection


@contextmanager
def row_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction of what locks the rows that it changes (the bank, presence) and so waits for no other
    writer. Raises `StoreUnavailableError`: none of it has values of callers that could be refused.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except PoolTimeoutError as error:
        raise StoreUnavailableError(ALL_BUSY) from error
    except DBAPIError as error:
        raise _unavailable(error) from error


def postgresql_failure(error: DBAPIError) -> StoreError:
    """What an error of the driver means, without the values that the server quotes."""
    if isinstance(error, IntegrityError | DataError):
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        named = f" ({constraint})" if constraint else ""
        return RowRefusedError(f"{type(error.orig).__name__}{named}")
    return _unavailable(error)


async def in_thread(engine: Engine, step: Callable[[Connection], Result]) -> Result:
    """What a step in a `row_transaction` gives, for whoever is on an event loop. Raises
    `StoreUnavailableError`.
    """

    def run() -> Result:
        with row_transaction(engine) as connection:
            return step(connection)

    return await asyncio.to_thread(run)


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
        parsed = make_url(_MANY_HOSTS.sub(_as_parameters, url, count=1))
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or not parsed.database:
        # The URL itself is not shown: it may hold a password.
        raise StoreOpenError("the store must be a URL of the form postgresql://user@host:5432/database")
    return parsed


def _as_parameters(found: re.Match[str]) -> str:
    """libpq's `host:port,host:port` as its parameters: SQLAlchemy reads one host with a port only."""
    pairs = [_HOST.fullmatch(each) for each in found["hosts"].split(",")]
    hosts = ",".join(pair[1] if pair else "" for pair in pairs)
    ports = ",".join(pair[2] or "" if pair else "" for pair in pairs)
    sign = "&" if "?" in found["rest"] else "?"
    return f"{found['before']}{found['rest']}{sign}host={hosts}&port={ports}"


def _unavailable(error: DBAPIError) -> StoreUnavailableError:
    """Without host and user: `/readyz` shows it to anybody."""
    state: Any = getattr(error.orig, "sqlstate", None)
    if isinstance(error, OperationalError) and (error.connection_invalidated or state is None):
        said = str(error.orig)
        reasons = (reason for pattern, reason in _REFUSALS if pattern.search(said))
        return StoreUnavailableError(next(reasons, "PostgreSQL cannot be reached"))
    return StoreUnavailableError(f"PostgreSQL refuses: {type(error.orig).__name__}")


def _cannot_use(where: str, said: str) -> StoreOpenError:
    lines = "; ".join(" ".join(line.split()) for line in said.splitlines() if line.strip())
    return StoreOpenError(f"cannot use {where} as a store: {lines}")
