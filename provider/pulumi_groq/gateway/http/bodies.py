"""Reading bodies: bounded in size and time; their JSON quick where it is plain, exact where it is odd."""

import json
import math
from collections.abc import Callable
from typing import Any, Final, NoReturn

from pydantic_core import from_json

from pulumi_groq.gateway.http.asgi import Client, Receive, RequestHeaders, within
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, body_too_large


def read_json(document: bytes) -> Any:
    """What `json.loads` gives. Raises `ValueError` or `RecursionError` as it does.

    pydantic's reader takes a third of the time and gives the same, integers beyond 64 bits included. What it
    refuses and JSON does not is read slowly: half a surrogate pair, nesting above 200.
    """
    try:
        return from_json(document)
    except ValueError:
        return json.loads(document)


def strict_decoder(object_of: Callable[[list[tuple[str, Any]]], Any]) -> json.JSONDecoder:
    """A decoder that refuses NaN, Infinity and what would become one; `object_of` makes an object of its
    pairs, or raises.
    """
    return json.JSONDecoder(object_pairs_hook=object_of, parse_constant=_no_constant, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is out of range")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


IDENTITY: Final = frozenset({b"", b"identity"})
"""Content codings that leave a body as it is (RFC 9110, 8.4.1)."""


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(
    receive: Receive,
    client: Client,
    announced_bytes: int | None,
    limit_bytes: int,
    timeout_s: float,
) -> bytes:
    """The whole body; `client` is told of each piece that is kept.

    Raises `Refusal` 413, 408 or what `Client.hold` raises, or `ClientGoneError`.
    """
    if announced_bytes is not None and announced_bytes > limit_bytes:
        raise body_too_large(limit_bytes)
    arrived = client.arrived_body()
    if arrived is not None and len(arrived) <= limit_bytes:
        client.hold(len(arrived))
        return arrived
    if arrived is not None:
        raise body_too_large(limit_bytes)
    try:
        return await within(timeout_s, _read(receive, limit_bytes, client.hold))
    except TimeoutError:
        raise request_timeout(timeout_s) from None


def require_uncompressed(headers: RequestHeaders) -> None:
    """Raises `Refusal` 415 for a compressed body: how large it becomes is not known before it is read."""
    coding = headers.content_encoding
    if coding.strip().lower() not in IDENTITY:
        message = (
            f"The request body is compressed ({coding[:40].decode('latin-1')}). This gateway takes bodies as "
            "they are: send it without content-encoding."
        )
        raise Refusal(415, INVALID_REQUEST, message, code="unsupported_content_encoding", close=True)


def request_timeout(timeout_s: float) -> Refusal:
    """408 for a body that does not arrive."""
    message = f"The request body did not arrive within {timeout_s:g} seconds. Send it faster, or less of it."
    return Refusal(408, INVALID_REQUEST, message, code="request_timeout", close=True)


async def next_piece(receive: Receive) -> tuple[bytes, bool]:
    """The next piece of the body and whether more follows. Raises `ClientGoneError`."""
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGoneError
    return message.get("body", b""), message.get("more_body", False)


async def _read(receive: Receive, limit_bytes: int, hold: Callable[[int], None]) -> bytes:
    piece, more = await next_piece(receive)
    hold(len(piece))
    pieces = [piece]
    size = len(piece)
    while more:
        if size > limit_bytes:
            break
        piece, more = await next_piece(receive)
        hold(len(piece))
        pieces.append(piece)
        size += len(piece)
    if size > limit_bytes:
        raise body_too_large(limit_bytes)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
