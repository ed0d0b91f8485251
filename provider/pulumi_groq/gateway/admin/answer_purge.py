"""Sealed answers end when nobody may ask for them any more, also where no further key is created."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from pulumi_groq.gateway.admin.minting import ANSWERS_KEPT_FOR
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.idempotency import purge_answers
from pulumi_groq.gateway.store.store import Store

PERIOD_S: Final = 15 * 60

_log = logging.getLogger(__name__)


class AnswerPurge:
    """Drops the sealed answers that are older than `ANSWERS_KEPT_FOR`."""

    def __init__(
        self, store: Store, clock: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._store = store
        self._clock = clock
        self._sleep = sleep

    def once(self) -> None:
        """Drop what is due now. Raises `StoreUnavailableError`."""
        with self._store.write() as connection:
            purge_answers(connection, older_than=self._clock.now() - ANSWERS_KEPT_FOR)

    async def keep_up(self) -> None:
        """Every `PERIOD_S` until cancelled; what the store does not take is tried again the next time."""
        while True:
            await self._sleep(PERIOD_S)
            try:
                await asyncio.to_thread(self.once)
            except StoreUnavailableError as failure:
                _log.warning("expired answers are still kept, will try again: %s", failure)
