"""A gateway's place among those on one database: joined at its start, seen each second, left at its end."""

import secrets
import socket
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.copying import put_in_place
from pulumi_groq.gateway.store.errors import StoreBehindError, StoreOpenError, StoreUnavailableError
from pulumi_groq.gateway.store.postgresql import postgresql_transaction, row_transaction
from pulumi_groq.gateway.store.replicas import (
    ReplicaRecord,
    enter,
    lacks,
    leave,
    names_of,
    present_replicas,
    seen,
)

STALE_KEYS_S: Final = 300
"""For so many seconds after PostgreSQL's last answer a gateway may act on what it has in memory."""

BEHIND: Final = (
    "PostgreSQL lacks what it acknowledged to this gateway, as after a failover to a copy that lagged or a "
    "restored backup: the gateway ends, start it again, and it goes on with what is there"
)

PLACE_TAKEN: Final = (
    "another process has taken this gateway's place, or it was forgotten (`pulumi-groq replicas forget`): "
    "restart it"
)


class Membership:
    """One life of a replica. Joining, which the constructor does, raises SQLAlchemy's errors."""

    def __init__(
        self,
        engine: Engine,
        replica: str,
        stale_keys_s: int = STALE_KEYS_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._stale_keys_s = stale_keys_s
        self._monotonic_s = monotonic_s
        self._is_over = False
        self._answered = 0
        self.is_behind = False
        self.when_behind: Callable[[], None] = lambda: None
        with postgresql_transaction(engine, writes=True) as connection:
            self.holder = bank.join(connection, replica)
            enter(connection, self.holder, version("pulumi-groq"), socket.gethostname()[:255])
            self.present: Sequence[ReplicaRecord] = present_replicas(connection)
        self._seen_s = monotonic_s()

    @property
    def is_ours(self) -> bool:
        """Whether this life goes on, and what is in memory is no older than it may be. Does not wait."""
        return not self._is_over and self._monotonic_s() - self._seen_s <= self._stale_keys_s

    @property
    def live(self) -> Sequence[str]:
        """The replicas that live and are heard of, by name."""
        return names_of(self.present)

    def answered(self, number: int) -> None:
        """Note that the bank has answered the call with this number."""
        self._answered = number

    def watch(self) -> None:
        """Let the others see that this one lives, and see them. Raises `StoreUnavailableError`."""
        answered = self._answered
        with row_transaction(self._engine) as connection:
            self._is_over = not seen(connection, self.holder)
            self.is_behind = self.is_behind or lacks(connection, self.holder, answered)
            self.present = present_replicas(connection)
        if self.is_behind:
            self._is_over = True
            self.when_behind()
            raise StoreBehindError(BEHIND)
        if self._is_over:
            raise StoreUnavailableError(PLACE_TAKEN)
        self._seen_s = self._monotonic_s()

    def release(self) -> None:
        """Leave, unless money is still held: then the next life books what was spent of it. Never raises."""
        try:
            with postgresql_transaction(self._engine, writes=True) as connection:
                leave(connection, self.holder)
        except DBAPIError:
            return  # it is silent from here on, and joins again at its next start


def replica_name(files: Path) -> str:
    """This gateway's name among the others, kept beside its journal: whoever has the folder is it.

    Raises `StoreOpenError` where it cannot be read or written.
    """
    path = files.with_name(files.name + ".replica")
    try:
        if not path.exists():
            made = f"{socket.gethostname()[:64]}-{secrets.token_hex(3)}"
            unfinished = path.with_name(path.name + ".new")
            unfinished.write_text(made, "utf-8")
            unfinished.chmod(0o600)
            put_in_place(unfinished, path)
        name = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StoreOpenError(f"cannot use {path}: {reason}; give another --data-dir") from error
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise StoreOpenError(f"{path} holds no name of a replica (1 to 100 characters): put it back")
    return name
