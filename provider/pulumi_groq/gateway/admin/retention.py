"""How long things are kept: sealed answers, changes, and consumers of keys."""

from datetime import timedelta
from typing import Final

from pulumi_groq.gateway.admin.idempotency import ANSWERS_KEPT_FOR
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.admin_keys import purge_admin_key_answers
from pulumi_groq.gateway.store.change_log import purge_changes
from pulumi_groq.gateway.store.consumers import forget_consumers
from pulumi_groq.gateway.store.idempotency import purge_answers
from pulumi_groq.gateway.store.store import Store

PERIOD_S: Final = 15 * 60.0
CONSUMERS_KEPT_FOR: Final = timedelta(days=90)


class Retention:
    """Drops the sealed answers that are older than `ANSWERS_KEPT_FOR`, changes older than
    `changes_kept_for`, and consumers that were not seen for `CONSUMERS_KEPT_FOR`.
    """

    def __init__(self, store: Store, clock: Clock, changes_kept_for: timedelta) -> None:
        self._changes_kept_for = changes_kept_for
        self._store = store
        self._clock = clock

    def __call__(self) -> None:
        """Drop what is due now. Raises `StoreUnavailableError`: the next call tries again."""
        with self._store.write() as connection:
            older_than = self._clock.now() - ANSWERS_KEPT_FOR
            purge_answers(connection, older_than)
            purge_admin_key_answers(connection, older_than)
            purge_changes(connection, older_than=self._clock.now() - self._changes_kept_for)
            forget_consumers(connection, self._clock.now() - CONSUMERS_KEPT_FOR)
