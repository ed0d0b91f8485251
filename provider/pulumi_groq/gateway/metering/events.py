"""What the metering reports to its observer: events that belong to no single request."""

from typing import Protocol

from pulumi_groq.gateway.store.alerts import DeliveryOutcome
from pulumi_groq.models.runaway import RunawayAction


class MeteringEvents(Protocol):
    """Told on the event loop; must not block or raise."""

    def reservation_expired(self) -> None:
        """A request was not settled in time and was charged as reserved."""
        ...

    def ledger_written(self, rows: int) -> None:
        """Rows went from memory to the store."""
        ...

    def ledger_failed(self) -> None:
        """The store or the journal refused a write; it is tried again."""
        ...

    def set_aside(self) -> None:
        """A row or line that cannot be booked was set aside."""
        ...

    def journal_damaged(self, lines: int, cut_off: int) -> None:
        """So many lines of the journal were damaged, and so many cut off at its end, at a start."""
        ...

    def part_failed(self, part: str) -> None:
        """A part of the gateway failed; it is tried again."""
        ...

    def alert_fired(self, threshold_micro_usd: int) -> None:
        """A threshold was reached."""
        ...

    def runaway(self, action: RunawayAction) -> None:
        """A key spent more than its guard allows."""
        ...

    def alert_delivery(self, outcome: DeliveryOutcome) -> None:
        """A URL received an alert, or was given up."""
        ...
