"""The request headers that matter; a caller's other headers go no further."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pulumi_groq.gateway.http.asgi import Header, Scope

_LONGEST_LENGTH: Final = 20
"""Digits of the largest length that fits into 64 bits."""


class RequestHeaders(NamedTuple):
    """`authorization` is empty where it is missing or given twice."""

    authorization: bytes
    content_type: bytes
    content_length: int | None
    accept: bytes
    user_agent: bytes
    content_encoding: bytes


def read_request_headers(scope: Scope) -> RequestHeaders:
    """Of what is given twice the last counts. The server has put the names in lower case."""
    lines = scope["headers"]
    values = dict(lines)
    length = values.get(b"content-length", b"")
    return RequestHeaders(
        b"" if len(values) != len(lines) and _given_twice(lines) else values.get(b"authorization", b""),
        _one_line(values.get(b"content-type", b"")),
        int(length[:_LONGEST_LENGTH]) if length.isdigit() else None,
        _one_line(values.get(b"accept", b"*/*")),
        _one_line(values.get(b"user-agent", b"")),
        values.get(b"content-encoding", b""),
    )


def bearer_token(authorization: bytes) -> bytes:
    """The token of an `Authorization` header without the spaces around it; empty if it holds none."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip(b" \t") if scheme.lower() == b"bearer" else b""


def _given_twice(lines: Sequence[Header]) -> bool:
    return sum(name == b"authorization" for name, _ in lines) > 1


def _one_line(value: bytes) -> bytes:
    """These go into the upstream request as they are; the server refuses line ends, and this makes sure."""
    return b"" if b"\r" in value or b"\n" in value else value
