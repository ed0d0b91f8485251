"""The values that pass between the code that serves a request and the code that accounts for it."""

from typing import NamedTuple

Header = tuple[bytes, bytes]
"""Name and value of a header line."""


class Demand(NamedTuple):
    """What to reserve for a request: the likely `tokens` for rate limits, the most it can cost for money."""

    model: str
    tokens: int
    cost_micro_usd: int


class Consumption(NamedTuple):
    """What a request used. `tokens` counts against rate limits; cached tokens do not (as at Groq)."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int

    @property
    def tokens(self) -> int:
        return self.prompt_tokens - self.cached_tokens + self.completion_tokens


class Allowance(NamedTuple):
    """The most that a request may cost (micro-dollars) where it cost too much: `now`, beside what others
    have reserved, and `later`, once those are settled. Negative where the limit was lowered below spend.
    `tokens` is the most that it may ever take of the key's token limits; `None` is unlimited.
    """

    now_micro_usd: int
    later_micro_usd: int
    tokens: int | None


class Denial(NamedTuple):
    """Why a request may not pass, as in the error body; `retry_after_s` if waiting helps.

    `allowance` is set if spending refused: whoever knows the request can say what to change in it.
    `headers` are the `x-ratelimit-*` lines for the answer.
    """

    status: int
    type: str
    code: str
    message: str
    retry_after_s: int | None = None
    reason: str = ""
    """Label for metrics: model, requests_per_minute, budget, cap and so on."""
    allowance: Allowance | None = None
    headers: tuple[Header, ...] = ()
