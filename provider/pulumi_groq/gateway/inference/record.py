"""What is known of a request when it is over; metrics and logs are made from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

CLIENT_CLOSED: Final = 499
"""Recorded for a request whose client did not stay for the answer (Groq's console uses it too)."""


Disbelief = Literal["unreadable", "impossible"]
"""Why a stated usage is not believed: it is not a count, or is more than the request can cause."""


@dataclass(slots=True)
class RequestRecord:
    """Filled in as the request goes. Times are seconds, amounts micro-dollars; empty text is unknown.

    `address` and `user_agent` are the client's, once it has shown a key. `reason` says why the gateway
    refused or broke off, `disbelief` why it did not believe the usage that the upstream stated; `model` is
    set once the key may use it, so that it is one of a bounded set.
    `ready_at` is when the request's body was there (on the monotonic clock), `added_s` what then passed
    before the request went upstream.
    """

    request_id: str
    method: str = ""
    route: str = "unknown"
    key_id: str = ""
    address: str = ""
    user_agent: bytes = b""
    model: str = ""
    status: int = 0
    reason: str = ""
    stream: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_micro_usd: int = 0
    upstream_request_id: str = ""
    disbelief: Disbelief | None = None
    ready_at: float = 0.0
    upstream_s: float | None = None
    added_s: float = 0.0
    total_s: float = 0.0


Observer = Callable[[RequestRecord], None]
"""Told of every request once, when it is over. Must not block or raise."""
