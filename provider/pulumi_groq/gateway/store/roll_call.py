"""Has all gateways on one PostgreSQL do something, by LISTEN and NOTIFY, and waits until they have.

A question is one notification to all. Each does what it is asked, and then answers with another one. Who
asked waits until all that live have, or for a bounded time: a notification that is lost costs that wait.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, func, select

from pulumi_groq.gateway.store.postgresql import in_thread
from pulumi_groq.gateway.store.replicas import names_of, present_replicas
from pulumi_groq.policy.escrow import Holder

if TYPE_CHECKING:
    from pulumi_groq.gateway.store.notifications import Notifications

_LARGEST_PAYLOAD: Final = 7_000
"""PostgreSQL takes less than 8,000 bytes; what does not fit is asked of everything."""

Subject = Collection[str] | None
"""What a question is about; `None` is everything."""


class _Round:
    """Who has answered one question."""

    def __init__(self) -> None:
        self.answered: set[str] = set()
        self.came = asyncio.Event()


class RollCall:
    """The questions of one `channel`, for one life of a replica. Belongs to the event loop."""

    def __init__(self, engine: Engine, holder: Holder, channel: str, wait_s: float) -> None:
        self._engine = engine
        self._holder = holder
        self._channel = channel
        self._wait_s = wait_s
        self._asked = 0
        self._rounds: dict[str, _Round] = {}

    async def ask(self, subject: Subject = None) -> Collection[str]:
        """The names of those that have done it since: of all others that live, unless one did not answer in
        time. Raises `StoreUnavailableError`.
        """
        self._asked += 1
        name = f"{self._holder.epoch}.{self._asked}"
        asked = self._rounds[name] = _Round()
        try:
            others = await in_thread(self._engine, lambda connection: self._to_all(connection, name, subject))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s):
                    while not asked.answered >= others:
                        asked.came.clear()
                        await asked.came.wait()
        finally:
            del self._rounds[name]
        return asked.answered

    def answer(self, notifications: "Notifications", do: Callable[[Subject], Awaitable[None]]) -> None:
        """Have `do` called for the questions of others while `notifications` listen."""

        async def heard(payload: str) -> None:
            await self._heard(json.loads(payload), do)

        notifications.hear(self._channel, heard)

    async def _heard(self, message: dict[str, Any], do: Callable[[Subject], Awaitable[None]]) -> None:
        ours = self._holder.replica
        if message.get("to") == ours and message["round"] in self._rounds:
            asked = self._rounds[message["round"]]
            asked.answered.add(message["from"])
            asked.came.set()
        elif "to" not in message and message["from"] != ours:
            await do(message["subject"])
            answer = {"from": ours, "to": message["from"], "round": message["round"]}
            await in_thread(self._engine, lambda connection: self._notify(connection, answer))

    def _to_all(self, connection: Connection, name: str, subject: Subject) -> set[str]:
        message = {
            "from": self._holder.replica,
            "round": name,
            "subject": None if subject is None else sorted(subject),
        }
        self._notify(connection, message)
        return {*names_of(present_replicas(connection))} - {self._holder.replica}

    def _notify(self, connection: Connection, message: dict[str, Any]) -> None:
        payload = json.dumps(message)
        if len(payload) > _LARGEST_PAYLOAD:
            payload = json.dumps(message | {"subject": None})
        connection.execute(select(func.pg_notify(self._channel, payload)))
