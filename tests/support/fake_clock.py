"""A clock for what takes one as an argument."""

from datetime import UTC, datetime, timedelta

from pulumi_groq.gateway.protocols import Clock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class FakeClock(Clock):
    """Stands still until it is moved; noon of a Monday unless told otherwise."""

    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)
