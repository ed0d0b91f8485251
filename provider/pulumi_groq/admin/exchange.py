"""What goes to the server and what comes back, before anything is read into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `operation` says in words what it does; `path` is quoted, below the base URL."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: str | None = field(default=None, repr=False)
    idempotency_key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method != "POST" or self.idempotency_key is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered: the body read and decompressed, `retry_after_s` the wait that it asks for."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer, in words. a `passing` failure may be over by the next attempt."""

    reason: str
    passing: bool


class Deadline:
    """When a call must be over, on `clock` (seconds)."""

    def __init__(self, clock: Callable[[], float], duration_s: float) -> None:
        self._clock = clock
        self._began = clock()
        self.duration_s = duration_s

    def elapsed_s(self) -> float:
        """How long the call has taken so far."""
        return self._clock() - self._began

    def remaining_s(self) -> float:
        """How long the call may still take; not above 0 when it is over."""
        return self.duration_s - self.elapsed_s()
