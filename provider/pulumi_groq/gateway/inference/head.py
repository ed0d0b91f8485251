"""The request headers that matter; no other header of a caller goes any further."""

from dataclasses import dataclass

from pulumi_groq.gateway.inference.asgi import Scope


@dataclass(slots=True)
class RequestHead:
    """`authorization` is empty where it is missing or given twice."""

    authorization: bytes = b""
    content_type: bytes = b""
    content_length: int | None = None
    accept: bytes = b"*/*"
    user_agent: bytes = b""


def read_head(scope: Scope) -> RequestHead:
    """One pass over the headers, whose names the server has put in lower case."""
    head = RequestHead()
    seen_authorization = False
    for name, value in scope["headers"]:
        if name == b"authorization":
            head.authorization = b"" if seen_authorization else value
            seen_authorization = True
        elif name == b"content-length":
            head.content_length = int(value) if value.isdigit() else None
        elif name == b"content-type":
            head.content_type = _one_line(value)
        elif name == b"accept":
            head.accept = _one_line(value)
        elif name == b"user-agent":
            head.user_agent = _one_line(value)
    return head


def _one_line(value: bytes) -> bytes:
    """These go into the request upstream as they are; the server refuses line ends, this makes it certain."""
    return b"" if b"\r" in value or b"\n" in value else value
