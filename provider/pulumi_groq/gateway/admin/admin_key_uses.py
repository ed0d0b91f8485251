"""When admin keys were last used, brought into the store now and then."""

import asyncio
from datetime import datetime
from typing import Final

from pulumi_groq.gateway.admin.admin_key_directory import AdminKeyDirectory
from pulumi_groq.gateway.store.admin_keys import admin_key_last_uses, note_admin_key_uses
from pulumi_groq.gateway.store.store import Store

PERIOD_S: Final = 60.0
"""A crash forgets this much: the quiet time of a rotation is counted in hours."""


class AdminKeyUses:
    """Writes what is new since the last round, and reads what other gateways on the store have written."""

    def __init__(self, store: Store, directory: AdminKeyDirectory) -> None:
        self._store = store
        self._directory = directory
        self._written: dict[str, datetime] = {}

    async def write(self) -> None:
        """One round. Raises `StoreUnavailableError`: the next one tries again."""
        await asyncio.to_thread(self._write)

    def _write(self) -> None:
        uses = self._directory.last_uses()
        newer = {key_id: at for key_id, at in uses.items() if self._written.get(key_id) != at}
        if newer:
            with self._store.write() as connection:
                note_admin_key_uses(connection, newer)
        self._written = uses
        with self._store.read() as connection:
            self._directory.used(admin_key_last_uses(connection))
