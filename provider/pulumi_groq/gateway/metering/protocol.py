"""What the code that serves requests expects of the metering."""

from typing import Protocol

from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.metering import Consumption, Demand, Denial


class Metering(Protocol):
    """Reserve, then settle: every admitted request is settled exactly once, on every exit path."""

    async def turns_away(self, key: KeyAccess) -> Denial | None:
        """The denial of any further request of the key right now, whatever it contains; takes nothing."""
        ...

    async def admit(self, key: KeyAccess, demand: Demand, request_id: str) -> Reservation | Denial:
        """Take the worst case from all limits, the budget and the cap in one step, or nothing of it.

        `request_id` is the reservation's id and the ledger's key: it must never be used twice.
        """
        ...

    async def settle(self, reservation: Reservation, consumption: Consumption | None, status: int) -> None:
        """Book what was used; `None` means that nothing was generated. A second settle does nothing."""
        ...
