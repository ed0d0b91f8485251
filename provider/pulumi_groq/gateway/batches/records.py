"""The store's transactions for the event loop, which must not wait for a disk."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pulumi_groq.gateway.store.store import Store

T = TypeVar("T")


class Records:
    """Runs functions of a connection, each in a transaction of its own. Raises `StoreUnavailableError`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, read: Callable[..., T], *arguments: Any) -> T:
        """What `read(connection, *arguments)` gives."""

        def reading() -> T:
            with self._store.read() as connection:
                return read(connection, *arguments)

        return await asyncio.to_thread(reading)

    async def write(self, write: Callable[..., T], *arguments: Any) -> T:
        """What `write(connection, *arguments)` gives, once it is on disk."""

        def writing() -> T:
            with self._store.write() as connection:
                return write(connection, *arguments)

        return await asyncio.to_thread(writing)
