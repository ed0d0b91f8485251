"""The interface to the upstream: one call out, one answer back in pieces."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import NamedTuple, Protocol

from pulumi_groq.gateway.http.asgi import Header


class UpstreamError(Exception):
    """The upstream gave no answer, or only part of one."""


class UpstreamTimeoutError(UpstreamError):
    """It took too long to connect or to send the next piece. `sent`: the request had gone out."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class UpstreamUnreachableError(UpstreamError):
    """It refused or reset the connection, or spoke something other than HTTP."""


class UnknownUpstreamKeyError(UpstreamError):
    """The gateway has no key of this name any more; nothing was sent."""


class UpstreamCall(NamedTuple):
    """One request, with a body only if it is a POST. `path` is as the caller's (`/openai/v1/...`);
    `length_bytes` where it is known. `upstream_key` names the operator's key, `None` is the default one.
    """

    path: str
    content_type: bytes
    accept: bytes
    user_agent: bytes
    body: bytes | AsyncIterator[bytes]
    length_bytes: int = 0
    method: str = "POST"
    upstream_key: str | None = None


class UpstreamAnswer(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Sequence[Header]:
        """The header lines; names in any case."""
        ...

    async def next_piece(self) -> bytes:
        """The next bytes of the body as they arrive; empty at its end. Raises `UpstreamError`."""
        ...

    def close(self) -> None:
        """Lets go of the connection; an answer not read to its end is cut off."""
        ...


class Upstream(Protocol):
    """Where admitted requests go."""

    def send(self, call: UpstreamCall) -> Awaitable[UpstreamAnswer]:
        """Raises `UpstreamError` when there is no answer."""
        ...

    async def close(self) -> None:
        """Ends all connections."""
        ...
