"""The bank in PostgreSQL for a replica's event loop: calls in threads, recalls by LISTEN and NOTIFY.

A recall is one notification to all replicas. Each gives back what lies idle in a transaction of its own, and
then answers with another notification; who asked waits until all live ones have, or for `RECALL_WAIT_S`. A
notification that is lost costs that wait, never money.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, func, select

from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.change_log import newest_change
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.postgresql import row_transaction
from pulumi_groq.gateway.store.replicas import names_of, present_replicas
from pulumi_groq.policy.escrow import Answer, Call, FencedError, Holder
from pulumi_groq.policy.limits import Quota

if TYPE_CHECKING:
    from pulumi_groq.gateway.store.notifications import Notifications

RECALL_WAIT_S: Final = 0.25
MOST_TRIES: Final = 20

_CHANNEL: Final = "groq_bank"
_LARGEST_PAYLOAD: Final = 7_000
"""PostgreSQL takes less than 8,000 bytes; what does not fit is recalled as `everything`."""

Result = TypeVar("Result")
GiveBack = Callable[[Collection[str] | None], Awaitable[None]]
"""Gives back what lies idle of these accounts, or of all."""


class AccountTerms(Protocol):
    """What accounts may hold by what is in force at this gateway, and what has been spent in them."""

    def limits_of(self, accounts: Mapping[str, Quota]) -> tuple[Mapping[str, int | None], int]:
        """The limits of those accounts that anything is known of, and the change that is in force last."""
        ...

    async def catch_up(self) -> None:
        """Put in force what other gateways have changed. Raises `StoreUnavailableError`."""
        ...

    def open(self, accounts: Mapping[str, Quota]) -> None:
        """Open those that are new. Waits for the store, and raises `StoreUnavailableError`."""
        ...


class StaleTermsError(Exception):
    """Another gateway has changed something that this one has not put in force yet."""


class PostgresqlBank:
    """Implements `counters.escrow.EscrowBank` for the replica `holder`, on an engine of psycopg. Without
    `terms` accounts have been opened, and their limits set, by others.
    """

    def __init__(
        self,
        engine: Engine,
        holder: Holder,
        recall_wait_s: float = RECALL_WAIT_S,
        terms: AccountTerms | None = None,
    ) -> None:
        self._engine = engine
        self._holder = holder
        self._recall_wait_s = recall_wait_s
        self._terms = terms
        self._round = 0
        self._answered: set[str] = set()
        self._came = asyncio.Event()

    async def exchange(self, holder: Holder, call: Call, needed: Mapping[str, Quota]) -> Answer:
        """Send a call. Raises `StoreUnavailableError`, then it is sent again later; and `FencedError`.

        Limits are those of a directory in which no change was missing when the accounts were locked.
        """
        terms = self._terms
        if terms is None:
            return await self._in_thread(lambda connection: bank.exchange(connection, holder, call))
        for _ in range(MOST_TRIES):
            limits, as_of = terms.limits_of(needed)

            def step(
                connection: Connection, limits: Mapping[str, int | None] = limits, as_of: int = as_of
            ) -> Answer:
                answer = bank.exchange(connection, holder, call, limits)
                if newest_change(connection) > as_of:
                    raise StaleTermsError
                return answer

            try:
                return await self._in_thread(step)
            except LookupError:
                await asyncio.to_thread(terms.open, needed)
            except StaleTermsError:
                await terms.catch_up()
        raise StoreUnavailableError("the bank's accounts change all the time")

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

    def answer_recalls(self, notifications: "Notifications", give_back: GiveBack) -> None:
        """Have the recalls of others answered while `notifications` listen."""

        async def heard(payload: str) -> None:
            await self._heard(json.loads(payload), give_back)

        notifications.hear(_CHANNEL, heard)

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
        return {*names_of(present_replicas(connection))} - {self._holder.replica}

    async def _in_thread(self, step: Callable[[Connection], Result]) -> Result:
        def run() -> Result:
            with row_transaction(self._engine) as connection:
                return step(connection)

        return await asyncio.to_thread(run)


def _notify(connection: Connection, message: dict[str, Any]) -> None:
    payload = json.dumps(message)
    if len(payload) > _LARGEST_PAYLOAD:
        payload = json.dumps(message | {"accounts": None})
    connection.execute(select(func.pg_notify(_CHANNEL, payload)))
