"""What an admitted request is to be charged: the worst case until something better is known."""

from pulumi_groq.gateway.inference.usage import TokenUsage
from pulumi_groq.gateway.inference.worst_case import WorstCase
from pulumi_groq.policy.metering import Consumption


class Booking:
    """The charge of one admitted request, as it becomes known.

    Nothing was used while nothing was sent. From `sent` on the worst case stands, so that whatever
    breaks the request off (a cancelled task, a crash) cannot make it free; `used`, `heard`, `counted`
    and `refused` replace it with what is known.
    """

    __slots__ = ("_consumption", "_reserved_or_seen", "worst")

    def __init__(self, worst: WorstCase) -> None:
        self.worst = worst
        self._consumption: Consumption | None = None
        self._reserved_or_seen: int | None = None

    @property
    def consumption(self) -> Consumption | None:
        """What to charge as things stand; `None` is nothing."""
        if self._reserved_or_seen is None:
            return self._consumption
        worst, seen = self.worst, self._reserved_or_seen
        largest = max(worst.largest_completion_tokens, seen)
        return Consumption(
            prompt_tokens=worst.likely_prompt_tokens,
            cached_tokens=0,
            completion_tokens=max(worst.likely_completion_tokens, seen),
            cost_micro_usd=worst.cost_micro_usd(worst.largest_prompt_tokens, 0, largest),
        )

    def sent(self) -> None:
        """The upstream has it: as long as no more is known, all that was reserved."""
        self.at_least(0)

    def refused(self) -> None:
        """The upstream generated nothing."""
        self._set(None)

    def used(self, usage: TokenUsage) -> None:
        """The upstream stated the usage."""
        self._set(self.worst.consumed(usage.prompt, usage.cached, usage.completion))

    def heard(self, audio_ms: int) -> None:
        """The upstream stated how long the audio was."""
        self._set(self.worst._replace(audio_ms=audio_ms).consumed(0, 0, 0))

    def counted(self, completion_tokens: int) -> None:
        """The upstream broke off: the likely prompt and what was seen passing by."""
        self._set(self.worst.consumed(self.worst.likely_prompt_tokens, 0, completion_tokens))

    def at_least(self, completion_tokens: int) -> None:
        """The usage was not stated, or not waited for: the reservation, or more if more was seen."""
        self._reserved_or_seen = completion_tokens

    def _set(self, consumption: Consumption | None) -> None:
        self._consumption = consumption
        self._reserved_or_seen = None
