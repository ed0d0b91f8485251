"""What an admitted request is to be charged: the worst case until something better is known."""

from dataclasses import replace

from pulumi_groq.gateway.inference.usage import TokenUsage
from pulumi_groq.gateway.inference.worst_case import WorstCase
from pulumi_groq.policy.metering import Consumption


class Booking:
    """The charge of one admitted request, as it becomes known.

    Nothing was used while nothing was sent. From `sent` on the worst case stands, so that whatever
    breaks the request off (a cancelled task, a crash) cannot make it free; `used`, `heard`, `counted`
    and `refused` replace it with what is known.
    """

    def __init__(self, worst: WorstCase) -> None:
        self.worst = worst
        self.consumption: Consumption | None = None

    def sent(self) -> None:
        """The upstream has it: as long as no more is known, all that was reserved."""
        self.at_least(0)

    def refused(self) -> None:
        """The upstream generated nothing."""
        self.consumption = None

    def used(self, usage: TokenUsage) -> None:
        """The upstream stated the usage."""
        self.consumption = self.worst.consumed(usage.prompt, usage.cached, usage.completion)

    def heard(self, audio_ms: int) -> None:
        """The upstream stated how long the audio was."""
        self.consumption = replace(self.worst, audio_ms=audio_ms).consumed(0, 0, 0)

    def counted(self, completion_tokens: int) -> None:
        """The upstream broke off: the likely prompt and what was seen passing by."""
        self.consumption = self.worst.consumed(self.worst.likely_prompt_tokens, 0, completion_tokens)

    def at_least(self, completion_tokens: int) -> None:
        """The usage was not stated, or not waited for: the reservation, or more if more was seen."""
        worst = self.worst
        largest = max(worst.largest_completion_tokens, completion_tokens)
        self.consumption = Consumption(
            prompt_tokens=worst.likely_prompt_tokens,
            cached_tokens=0,
            completion_tokens=max(worst.likely_completion_tokens, completion_tokens),
            cost_micro_usd=worst.cost_micro_usd(worst.largest_prompt_tokens, 0, largest),
        )
