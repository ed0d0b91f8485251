"""The system's time, read here only; and a clock over it that tests may set."""

from datetime import UTC, datetime, timedelta

from pulumi_groq.gateway.protocols import Clock


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)


class MovableClock:
    """Runs at the pace of the clock below, from whatever time it was set to."""

    def __init__(self, below: Clock) -> None:
        self._below = below
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The present as it was set."""
        return self._below.now() + self._ahead

    def set(self, now: datetime) -> None:
        """Make `now` the present."""
        self._ahead = now - self._below.now()
