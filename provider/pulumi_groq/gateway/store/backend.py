"""What a store asks of the database that it is in."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from pulumi_groq.gateway.store.errors import StoreError, StoreOpenError, StoreUnavailableError
from pulumi_groq.gateway.store.replicas import ReplicaRecord
from pulumi_groq.policy.escrow import Holder


class StoreHold(Protocol):
    """What a process has of a database that others may use, too. Given back when the store is closed."""

    @property
    def is_ours(self) -> bool:
        """Whether what is in memory may be acted by. Does not wait."""
        ...

    def watch(self) -> None:
        """See to it that it is still held, each second. Raises `StoreUnavailableError`."""
        ...

    def release(self) -> None:
        """Give it back. Never raises."""
        ...


class Member(StoreHold, Protocol):
    """A gateway's place among those on the database, see `store.membership`."""

    when_behind: Callable[[], None]
    """Called by whoever finds that `is_behind`."""

    @property
    def holder(self) -> Holder:
        """This life of it."""
        ...

    @property
    def is_behind(self) -> bool:
        """Whether the database lacks what this life had been answered: only a new one can go on."""
        ...

    def answered(self, number: int) -> None:
        """Note that the bank has answered the call with this number."""
        ...

    @property
    def present(self) -> Sequence[ReplicaRecord]:
        """All that have not left, as of the last `watch`."""
        ...

    @property
    def live(self) -> Sequence[str]:
        """The names of those that live and are heard of."""
        ...


class Backend(Protocol):
    """A kind of database. Its methods may be called from any thread and wait for disk and network; except
    where it is said, they raise SQLAlchemy's errors, which `failure` puts into words.
    """

    engine: Engine
    member: Member | None
    """The gateway's place among those on the database; `None` where there is one at most."""

    @property
    def is_ours(self) -> bool:
        """Whether what is in memory may be acted by. Does not wait."""
        ...

    def transaction(self, *, writes: bool) -> AbstractContextManager[Connection]:
        """A transaction that sees one state; of those that write there is one at a time."""
        ...

    def failure(self, error: DBAPIError) -> StoreError:
        """`RowRefusedError` for an error about a value, else a `StoreUnavailableError`; shows no value."""
        ...

    def cannot_use(self, error: StoreUnavailableError) -> StoreOpenError:
        """Why a gateway on this store does not start, and what to do."""
        ...

    def look_through(self, *, accept_older: bool) -> None:
        """Look for damage and loss, at the start. Raises `StoreError`."""
        ...

    def committed(self, count: int) -> None:
        """The write number `count` is durable."""
        ...

    def checkpoint(self) -> None:
        """Tidy up what was written; called from time to time."""
        ...

    def watch(self) -> None:
        """See to it that the store is still ours; called each second. Raises `StoreUnavailableError`."""
        ...

    def end_silent(self) -> None:
        """End connections on which nothing is heard any more, from time to time. Does not wait; raises
        `StoreUnavailableError` where there were some.
        """
        ...

    def close(self) -> None:
        """Close all connections, and let another gateway have the store."""
        ...
