"""A change of the store and of what is in force, in that order, one at a time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from pulumi_groq.gateway.admin.authorization import Caller
from pulumi_groq.gateway.store.change_log import Actor, Logged, log_change
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.store import Connection, Store

Callback = Callable[[], None]


class PendingChange:
    """One change under way: `connection` writes for `caller`; the steps run once the outcome is known."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self.connection = connection
        self.caller = caller
        identity = caller.identity
        self.actor = Actor(
            identity.actor_id, identity.subject, identity.role, caller.address, caller.request_id
        )
        self.committed: list[Callback] = []
        self.failed: list[Callback] = []

    def log(self, former: Logged | None, record: Logged | None, at: datetime) -> None:
        """Note that an object was created (no `former`), changed, or deleted (no `record`)."""
        log_change(self.connection, self.actor, former, record, at)

    def then(self, step: Callback) -> None:
        """Run `step` after the commit."""
        self.committed.append(step)

    def otherwise(self, step: Callback) -> None:
        """Run `step` when the store fails to commit."""
        self.failed.append(step)


class Changes:
    """Where changes begin. Without the lock around both parts, two changes of one key could be
    committed in one order and come into force in the other.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No change is between its commit and its coming into force meanwhile."""
        with self._one_at_a_time:
            yield

    @contextmanager
    def begin(self, caller: Caller) -> Iterator[PendingChange]:
        """A change that is committed when the block ends and undone when it raises."""
        with self._one_at_a_time:
            change: PendingChange | None = None
            try:
                with self._store.write() as connection:
                    change = PendingChange(connection, caller)
                    yield change
            except StoreUnavailableError:
                for step in change.failed if change else ():
                    step()
                raise
            for step in change.committed if change else ():
                step()
