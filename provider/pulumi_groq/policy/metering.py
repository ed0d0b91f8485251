"""The values that pass between whoever serves a request and whoever accounts for it."""

from dataclasses import dataclass
from typing import NamedTuple


class Demand(NamedTuple):
    """What to reserve for a request: the likely `tokens` for rate limits, the most it can cost for money."""

    model: str
    tokens: int
    cost_micro_usd: int


class Consumption(NamedTuple):
    """What a request did use. `tokens` is what counts against rate limits: cached tokens do not (Groq)."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int

    @property
    def tokens(self) -> int:
        return self.prompt_tokens - self.cached_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request may not pass, in the terms of the error body; `retry_after_s` where waiting helps."""

    status: int
    type: str
    code: str
    message: str
    retry_after_s: int | None = None
    reason: str = ""
    """Label for metrics: model, requests_per_minute, budget, cap and so on."""
