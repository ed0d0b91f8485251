"""The bank in PostgreSQL for a replica's event loop: calls in threads, recalls by LISTEN and NOTIFY.

A recall is one notification to all replicas. Each gives back what lies idle in a transaction of its own, and
then answers with another notification; who asked waits until all live ones have, or for `RECALL_WAIT_S`. A
notification that is lost costs that wait, never money.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.schema import bank_members
from pulumi_groq.policy.escrow import Answer, Call, FencedError, Holder

RECALL_WAIT_S: Final = 0.25
RECONNECT_S: Final = 0.5

_CHANNEL: Final = "groq_bank"
_LARGEST_PAYLOAD: Final = 7_000
"""PostgreSQL takes less than 8,000 bytes; what does not fit is recalled as `everything`."""

Result = TypeVar("Result")
GiveBack = Callable[[Collection[str] | None], Awaitable[None]]
"""Gives back what lies idle of these accounts, or of all."""

_log = logging.getLogger(__name__)


class PostgresqlBank:
    """Implements `counters.escrow.EscrowBank` for the replica `holder`, on an engine of psycopg."""

    def __init__(self, engine: Engine, holder: Holder, recall_wait_s: float = RECALL_WAIT_S) -> None:
        self._engine = engine
        self._holder = holder
        self._recall_wait_s = recall_wait_s
        self._round = 0
        self._answered: set[str] = set()
        self._came = asyncio.Event()

    async def exchange(self, holder: Holder, call: Call) -> Answer:
        """Send a call. Raises `StoreUnavailableError`, then it is sent again later; and `FencedError`."""
        return await self._in_thread(lambda connection: bank.exchange(connection, holder, call))

    async def recall(self, accounts: Collection[str]) -> None:
        """Have the others give back what lies idle of these accounts, within a bounded wait."""
        self._round += 1
        self._answered = set()
        asked = {"from": self._holder.replica, "round": self._round, "accounts": sorted(accounts)}
        others = await self._in_thread(lambda connection: self._notify_all(connection, asked))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._recall_wait_s):
                while not self._answered >= others:
                    self._came.clear()
                    await self._came.wait()

    @asynccontextmanager
    async def listening(self, give_back: GiveBack) -> AsyncIterator[None]:
        """Answers the recalls of others meanwhile; connects again by itself."""
        is_heard = asyncio.Event()
        listener = asyncio.create_task(self._listen(give_back, is_heard))
        try:
            await is_heard.wait()
            yield
        finally:
            listener.cancel()
            with suppress(asyncio.CancelledError):
                await listener

    async def _listen(self, give_back: GiveBack, is_heard: asyncio.Event) -> None:
        url = self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}".encode())
                    is_heard.set()
                    async for notification in connection.notifies():
                        await self._heard(json.loads(notification.payload), give_back)
            except (psycopg.Error, OSError, StoreUnavailableError) as failure:
                _log.warning("recalls are not heard until PostgreSQL answers: %s", type(failure).__name__)
                is_heard.set()
                await asyncio.sleep(RECONNECT_S)

    async def _heard(self, message: dict[str, Any], give_back: GiveBack) -> None:
        ours = self._holder.replica
        if message.get("to") == ours and message["round"] == self._round:
            self._answered.add(message["from"])
            self._came.set()
        elif "to" not in message and message["from"] != ours:
            with suppress(FencedError):  # then nothing that it holds is anybody else's
                await give_back(message["accounts"])
            answer = {"from": ours, "to": message["from"], "round": message["round"]}
            await self._in_thread(lambda connection: _notify(connection, answer))

    def _notify_all(self, connection: Connection, message: dict[str, Any]) -> set[str]:
        _notify(connection, message)
        columns = bank_members.c
        others = select(columns.replica).where(columns.is_live, columns.replica != self._holder.replica)
        return set(connection.scalars(others))

    async def _in_thread(self, step: Callable[[Connection], Result]) -> Result:
        def run() -> Result:
            try:
                with self._engine.begin() as connection:
                    return step(connection)
            except DBAPIError as failure:
                raise StoreUnavailableError(f"the bank does not answer: {failure.orig}") from failure

        return await asyncio.to_thread(run)


def _notify(connection: Connection, message: dict[str, Any]) -> None:
    payload = json.dumps(message)
    if len(payload) > _LARGEST_PAYLOAD:
        payload = json.dumps(message | {"accounts": None})
    connection.execute(select(func.pg_notify(_CHANNEL, payload)))
