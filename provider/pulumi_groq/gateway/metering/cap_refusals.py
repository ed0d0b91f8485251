"""Whether the cap has refused anybody this month.

Worst cases are reserved, so spend stops a little below the cap: an alert at the cap itself fires by this, and
the policy's status shows it as paused.
"""


class CapRefusals:
    """Remembers the last refusal; a raised cap or a new month begins again."""

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def note(self, month: str, cap_micro_usd: int) -> None:
        """A request was refused for this cap."""
        self._last = (month, cap_micro_usd)

    def happened(self, month: str, cap_micro_usd: int) -> bool:
        """Whether this cap has refused a request in this month."""
        return self._last == (month, cap_micro_usd)
