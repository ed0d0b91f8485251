"""Drops sealed answers once nobody may ask for them any more, even if no further key is created."""

from typing import Final

from pulumi_groq.gateway.admin.minting import ANSWERS_KEPT_FOR
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.admin_keys import purge_admin_key_answers
from pulumi_groq.gateway.store.idempotency import purge_answers
from pulumi_groq.gateway.store.store import Store

PERIOD_S: Final = 15 * 60.0


class AnswerPurge:
    """Drops the sealed answers that are older than `ANSWERS_KEPT_FOR`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def __call__(self) -> None:
        """Drop what is due now. Raises `StoreUnavailableError`: the next call tries again."""
        with self._store.write() as connection:
            older_than = self._clock.now() - ANSWERS_KEPT_FOR
            purge_answers(connection, older_than)
            purge_admin_key_answers(connection, older_than)
