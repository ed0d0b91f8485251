"""What serves requests expects of the metering."""

from collections.abc import Callable, Sequence
from typing import Protocol

from pulumi_groq.gateway.metering.journal import LedgerRow
from pulumi_groq.gateway.metering.reservations import Hold, Reservation
from pulumi_groq.gateway.store.store import Connection
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.limits import Consumption, Demand, Denial


class Metering(Protocol):
    """Reserve, then settle: every admitted request is settled exactly once, on every exit path."""

    async def turns_away(self, key: KeyAccess) -> Denial | None:
        """The denial of any further request of the key right now, whatever it contains; takes nothing."""
        ...

    async def admit(self, key: KeyAccess, demand: Demand, request_id: str) -> Reservation | Denial:
        """Take the worst case from all limits, budgets and the cap in one step, or nothing of it.

        `request_id` is the reservation's id and the ledger's key: it must never be used twice.
        """
        ...

    async def settle(self, reservation: Reservation, consumption: Consumption | None, status: int) -> None:
        """Book what was used; `None` means that nothing was generated. A second settle does nothing."""
        ...


class Holding(Metering, Protocol):
    """Metering of what outlasts its request and this process: whoever holds keeps it in the store."""

    def paused(self, key: KeyAccess) -> Denial | None:
        """The denial while the key is paused for runaway spend."""
        ...

    def moves(self, reservation: Reservation) -> Callable[[Connection], None]:
        """What has to be done in the transaction that keeps a record of what is held. That waits for the
        store, and raises `FencedError`.
        """
        ...

    async def not_moved(self, reservation: Reservation) -> None:
        """That transaction has failed: the request is over, and cost nothing."""
        ...

    def book(self, connection: Connection, hold_id: str, rows: Sequence[LedgerRow]) -> None:
        """Write what was held for to the ledger, in the transaction that ends the record of it."""
        ...

    async def keep(self, reservation: Reservation, status: int) -> Hold:
        """Hold on to the reservation's money; the request itself is over and cost nothing."""
        ...

    def hold(self, hold: Hold) -> None:
        """Reserve again what was held when the last process ended, whether or not it fits; before the first
        request.
        """
        ...

    async def release(self, hold: Hold | None, rows: Sequence[LedgerRow]) -> None:
        """Give back what is held, if anything is, and count `rows`, which the ledger has, instead."""
        ...
