"""How long files and settled batches are kept."""

import logging
from datetime import timedelta
from typing import Final

from pulumi_groq.gateway.batches.records import Records
from pulumi_groq.gateway.batches.upstream_api import FILES_PATH, UpstreamApi
from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.upstream import UnknownUpstreamKeyError, UpstreamError
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.batches import drop_settled_batches, old_files, remove_file
from pulumi_groq.gateway.store.store import Store

KEPT_FOR: Final = timedelta(days=90)
"""As rows of the ledger, whose requests they are of."""
MOST_AT_ONCE: Final = 200
"""Files in one round, so that none takes long."""

_log = logging.getLogger(__name__)


class BatchRetention:
    """Drops batches that were settled `KEPT_FOR` ago, and files that are as old and that no batch needs.

    A file is deleted at the upstream first: nobody could do that, or read it, once it is forgotten here.
    """

    def __init__(self, store: Store, api: UpstreamApi, clock: Clock) -> None:
        self._store = store
        self._records = Records(store)
        self._api = api
        self._clock = clock

    async def __call__(self) -> None:
        """Drop what is due now; one gateway does so for all. Raises `StoreUnavailableError`: the next call
        tries again.
        """
        if not self._store.leads:
            return
        before_s = int((self._clock.now() - KEPT_FOR).timestamp())
        await self._records.write(drop_settled_batches, before_s * 1_000_000)
        for file in await self._records.read(old_files, before_s, MOST_AT_ONCE):
            if not await self._is_gone(file.id, file.upstream_key):
                return
            await self._records.write(remove_file, file.id)

    async def _is_gone(self, file_id: str, upstream_key: str | None) -> bool:
        """Whether the upstream has it no more, or never lets it be deleted."""
        try:
            await self._api.ask("DELETE", f"{FILES_PATH}/{file_id}", upstream_key)
        except UnknownUpstreamKeyError as failure:
            _log.warning("the file %s, which is old, stays at the upstream: %s", file_id, failure)
        except UpstreamError as failure:
            _log.warning("the file %s, which is old, could not be deleted: %s", file_id, failure)
            return False
        except Refusal as refusal:
            if refusal.status >= 500 or refusal.status == 429:
                _log.warning("the file %s, which is old, could not be deleted: %s", file_id, refusal)
                return False
            if refusal.status != 404:
                _log.warning("the file %s, which is old, stays at the upstream: %s", file_id, refusal)
        return True
