"""What an admitted request is to be charged: the reservation until something better is known.

What the upstream states replaces the reservation only where the request can have caused it. The estimate's
largest figures are bounds, so a count above them is a fault of the upstream's, or of our bounds, and is
charged as reserved: no answer costs more than was reserved for it, so none passes a budget or the cap.
"""

import logging
from collections.abc import Callable
from typing import Final

from pulumi_groq.gateway.inference.cost_estimate import CostEstimate
from pulumi_groq.gateway.inference.record import Disbelief
from pulumi_groq.gateway.inference.usage import Stated, TokenUsage, UnreadableUsageError
from pulumi_groq.policy.metering import Consumption

_log = logging.getLogger("pulumi_groq.gateway.upstream")


class Charge:
    """The charge of one admitted request, as it becomes known.

    Nothing was used while nothing was sent. From `sent` on the reservation stands, so that whatever breaks
    the request off (a cancelled task, a crash) cannot make it free; `stated`, `counted` and `refused`
    replace it with what is known. `disbelief` says why a statement did not.
    """

    __slots__ = ("_consumption", "_request_id", "_reserved", "_seen", "disbelief", "estimate")

    def __init__(self, estimate: CostEstimate, request_id: str) -> None:
        self.estimate = estimate
        self.disbelief: Disbelief | None = None
        self._request_id = request_id
        self._consumption: Consumption | None = None
        self._reserved = False
        self._seen = 0

    @property
    def consumption(self) -> Consumption | None:
        """What to charge as things stand; `None` is nothing."""
        if not self._reserved:
            return self._consumption
        estimate = self.estimate
        return Consumption(
            prompt_tokens=estimate.likely_prompt_tokens,
            cached_tokens=0,
            completion_tokens=max(estimate.likely_completion_tokens, self._seen),
            cost_micro_usd=estimate.demand.cost_micro_usd,
        )

    def sent(self) -> None:
        """The upstream has it: as long as no more is known, all that was reserved."""
        self.as_reserved(0)

    def refused(self) -> None:
        """The upstream generated nothing."""
        self._set(None)

    def stated(self, read: Callable[[], Stated | None]) -> bool:
        """Charge what the upstream states, if it can be believed. Returns whether it states a usage."""
        try:
            usage = read()
        except UnreadableUsageError as unreadable:
            self._disbelieve("unreadable", str(unreadable))
            return True
        if usage is None:
            return False
        if not self.estimate.can_cause(usage):
            self._disbelieve("impossible", _shown(usage))
        elif isinstance(usage, TokenUsage):
            self._set(self.estimate.consumed(usage.prompt, usage.cached, usage.completion or 0))
        else:
            self._set(self.estimate._replace(audio_ms=usage.ms).consumed(0, 0, 0))
        return True

    def counted(self, completion_tokens: int) -> None:
        """The upstream broke off: the likely prompt and what was seen passing by; the reservation where the
        prompt is not in the body.
        """
        if self.estimate.reaches_beyond:
            self.as_reserved(completion_tokens)
            return
        seen = min(completion_tokens, self.estimate.largest_completion_tokens)
        self._set(self.estimate.consumed(self.estimate.likely_prompt_tokens, 0, seen))

    def as_reserved(self, seen_completion_tokens: int) -> None:
        """The usage was not stated, or not waited for: the reservation; tokens seen passing by are told."""
        self._reserved = True
        self._seen = min(seen_completion_tokens, self.estimate.largest_completion_tokens)

    def _set(self, consumption: Consumption | None) -> None:
        self._consumption = consumption
        self._reserved = False

    def _disbelieve(self, why: Disbelief, stated: str) -> None:
        self.disbelief = why
        self.as_reserved(0)
        _log.warning(
            "request %s of %s is charged as reserved: the upstream stated a usage that is %s: %s",
            self._request_id,
            self.estimate.model.id,
            why,
            stated,
        )


_MOST_SHOWN: Final = 10**15


def _shown(usage: Stated) -> str:
    return ", ".join(
        f"{name} {value if value <= _MOST_SHOWN else f'more than {_MOST_SHOWN}'}"
        for name, value in usage._asdict().items()
        if value is not None
    )
