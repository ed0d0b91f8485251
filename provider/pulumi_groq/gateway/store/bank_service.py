"""The bank in PostgreSQL for a replica's event loop: calls in threads, recalls as a roll call.

Each replica gives back what lies idle in a transaction of its own before it answers; one that does not costs
a wait of `RECALL_WAIT_S`, never money.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import Connection, Engine

from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.change_log import log_end
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.postgresql import in_thread
from pulumi_groq.gateway.store.roll_call import RollCall
from pulumi_groq.policy.escrow import Answer, Call, FencedError, Holder
from pulumi_groq.policy.limits import Quota

if TYPE_CHECKING:
    from pulumi_groq.gateway.store.notifications import Notifications

RECALL_WAIT_S: Final = 0.25
MOST_TRIES: Final = 20

_CHANNEL: Final = "groq_bank"
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
    `terms` accounts have been opened, and their limits set, by others. `answered` is told the number of each
    call that was.
    """

    def __init__(
        self,
        engine: Engine,
        holder: Holder,
        recall_wait_s: float = RECALL_WAIT_S,
        terms: AccountTerms | None = None,
        answered: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._answered = answered
        self._terms = terms
        self._recalls = RollCall(engine, holder, _CHANNEL, recall_wait_s)

    async def exchange(self, holder: Holder, call: Call, needed: Mapping[str, Quota]) -> Answer:
        """Send a call. Raises `StoreUnavailableError`, then it is sent again later; and `FencedError`.

        Limits are those of a directory in which no change was missing when the accounts were locked.
        """
        answer = await self._exchange(holder, call, needed)
        self._answered(call.number)
        return answer

    async def _exchange(self, holder: Holder, call: Call, needed: Mapping[str, Quota]) -> Answer:
        terms = self._terms
        if terms is None:
            return await in_thread(self._engine, lambda connection: bank.exchange(connection, holder, call))
        for _ in range(MOST_TRIES):
            limits, as_of = terms.limits_of(needed)

            def step(
                connection: Connection, limits: Mapping[str, int | None] = limits, as_of: int = as_of
            ) -> Answer:
                answer = bank.exchange(connection, holder, call, limits)
                if log_end(connection).id != as_of:
                    raise StaleTermsError
                return answer

            try:
                return await in_thread(self._engine, step)
            except LookupError:
                await asyncio.to_thread(terms.open, needed)
            except StaleTermsError:
                await terms.catch_up()
        raise StoreUnavailableError("the bank's accounts change all the time")

    async def recall(self, accounts: Collection[str]) -> None:
        """Have the others give back what lies idle of these accounts, within a bounded wait."""
        await self._recalls.ask(accounts)

    def answer_recalls(self, notifications: "Notifications", give_back: GiveBack) -> None:
        """Have the recalls of others answered while `notifications` listen."""

        async def give(accounts: Collection[str] | None) -> None:
            with suppress(FencedError):  # then nothing that it holds is anybody else's
                await give_back(accounts)

        self._recalls.answer(notifications, give)
