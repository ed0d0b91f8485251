"""What gateways on one PostgreSQL tell each other at once, by LISTEN and NOTIFY.

A notification may be lost with its connection, so whoever relies on one also looks from time to time.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

import psycopg
from sqlalchemy import Engine

from pulumi_groq.gateway.store.errors import StoreError
from pulumi_groq.gateway.store.silence import hang_up

RECONNECT_S: Final = 0.5
ASKED_EVERY_S: Final = 30.0
ANSWER_WITHIN_S: Final = 10.0

Handler = Callable[[str], Awaitable[None]]
"""Called with the payload of a notification."""

_log = logging.getLogger(__name__)


class Notifications:
    """Hears what was sent on some channels, on an engine of psycopg. Belongs to the event loop."""

    def __init__(self, engine: Engine) -> None:
        _, self._arguments = engine.dialect.create_connect_args(engine.url)
        self._handlers: dict[str, Handler] = {}

    def hear(self, channel: str, handler: Handler) -> None:
        """Have `handler` called, one call at a time; before `listening` begins."""
        self._handlers[channel] = handler

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hears meanwhile; connects again by itself."""
        is_heard = asyncio.Event()
        listener = asyncio.create_task(self._listen(is_heard))
        try:
            await is_heard.wait()
            yield
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def _listen(self, is_heard: asyncio.Event) -> None:
        connect = partial(psycopg.AsyncConnection.connect, **self._arguments)
        is_told = False
        while True:
            try:
                async with await connect(autocommit=True) as connection:
                    for channel in self._handlers:
                        await _ask(connection, f"LISTEN {channel}")
                    is_heard.set()
                    is_told = False
                    while True:
                        async for notification in connection.notifies(timeout=ASKED_EVERY_S):
                            await self._handle(notification)
                        await _ask(connection, "SELECT 1")
            except (psycopg.Error, OSError) as failure:
                if not is_told:  # other parts say again what goes on
                    is_told = True
                    _log.warning(
                        "other gateways are not heard until PostgreSQL answers: %s", type(failure).__name__
                    )
                is_heard.set()
                await asyncio.sleep(RECONNECT_S)

    async def _handle(self, notification: psycopg.Notify) -> None:
        """Whoever may use the database can send anything: the next one is heard all the same."""
        try:
            await self._handlers[notification.channel](notification.payload)
        except StoreError as failure:
            _log.warning("what another gateway told has no effect: %s", failure)
        except Exception as failure:  # noqa: BLE001  of a payload that no gateway of this version sends
            _log.error("what was told on %s has no effect: %s", notification.channel, type(failure).__name__)


async def _ask(connection: "psycopg.AsyncConnection[Any]", query: str) -> None:
    """A proxy may keep up what leads nowhere any more: without an answer in time the connection is broken."""
    silence = asyncio.get_running_loop().call_later(ANSWER_WITHIN_S, hang_up, connection)
    try:
        await connection.execute(query.encode())
    finally:
        silence.cancel()
