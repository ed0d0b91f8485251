"""The headers of an answer: the upstream's by allow-list, the rate limits and the request id ours."""

from collections.abc import Sequence
from typing import Final

from pulumi_groq.gateway.http.asgi import Header

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


class AnswerHeaders:
    """What of the upstream's headers is used; hop-by-hop lines, cookies and its limits are not."""

    def __init__(self, upstream: Sequence[Header]) -> None:
        self.content_type = b""
        self.upstream_request_id = b""
        self._passed: list[Header] = []
        for raw_name, value in upstream:
            name = raw_name.lower()
            if name in PASSED:
                self._passed.append((name, value))
                if name == b"content-type":
                    self.content_type = value
            elif name == b"x-request-id":
                self.upstream_request_id = value

    def lines(self, request_id: str, lease: tuple[Header, ...]) -> list[Header]:
        """The header lines for the client, without a length."""
        lines = [(b"x-request-id", request_id.encode()), *lease, *self._passed]
        if self.upstream_request_id:
            lines.append((b"x-upstream-request-id", self.upstream_request_id))
        return lines
