"""The headers of an answer: the upstream's by allow-list, the rate limits and the request id ours."""

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from pulumi_groq.gateway.http.asgi import Header
from pulumi_groq.gateway.http.request_body import IDENTITY

PASSED: Final = frozenset(
    {
        b"content-type",
        b"content-disposition",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
        b"x-groq-region",
    }
)

CODINGS: Final = MappingProxyType(
    {b"content-encoding": IDENTITY, b"transfer-encoding": IDENTITY | {b"chunked"}}
)
"""Where a compression may be named (RFC 9110, 8.4; RFC 9112, 7.2), and what is none."""

WAITS: Final = frozenset({b"retry-after", b"retry-after-ms"})
_SENSIBLE_WAIT: Final = re.compile(
    rb"[0-9]{1,8}(\.[0-9]{1,9})?|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"
)
"""A number or a date (RFC 9110, 5.6.7). Clients may take -1, NaN or 1e309 for no wait, or wait for ever."""

_REQUEST_ID: Final = re.compile(rb"[!-~]{1,200}")
"""It goes into a log line: no spaces, no line ends of any kind."""


class AnswerHeaders:
    """What of the upstream's headers is used; hop-by-hop lines, cookies, its limits and an invalid wait are
    not. `content_type` is in lower case, for comparing.
    """

    def __init__(self, upstream: Sequence[Header]) -> None:
        self.content_type = b""
        self.upstream_request_id = b""
        self.is_compressed = False
        self._passed: list[Header] = []
        for raw_name, value in upstream:
            name = raw_name.lower()
            if name in PASSED and (name not in WAITS or _SENSIBLE_WAIT.fullmatch(value)):
                self._passed.append((name, value))
                if name == b"content-type":
                    self.content_type = value.strip().lower()
            elif name in CODINGS:
                codings = {coding.strip() for coding in value.lower().split(b",")}
                self.is_compressed = self.is_compressed or not codings <= CODINGS[name]
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.upstream_request_id = value

    def lines(self, request_id: str, rate_limits: tuple[Header, ...]) -> list[Header]:
        """The header lines for the client, without a length."""
        lines = [(b"x-request-id", request_id.encode()), *rate_limits, *self._passed]
        if self.upstream_request_id:
            lines.append((b"x-upstream-request-id", self.upstream_request_id))
        return lines
