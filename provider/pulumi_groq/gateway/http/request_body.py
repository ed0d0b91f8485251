"""Reading a request body from the client, bounded in size and time."""

from collections.abc import Callable

from pulumi_groq.gateway.http.asgi import Receive
from pulumi_groq.gateway.http.bounded_wait import within
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, body_too_large


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(
    receive: Receive,
    announced_bytes: int | None,
    limit_bytes: int,
    timeout_s: float,
    hold: Callable[[int], None],
) -> bytes:
    """The whole body. `hold` is told of each piece that is kept (`Client.hold`).

    Raises `Refusal` 413, 408 or what `hold` raises, or `ClientGoneError`.
    """
    if announced_bytes is not None and announced_bytes > limit_bytes:
        raise body_too_large(limit_bytes)
    try:
        return await within(timeout_s, _read(receive, limit_bytes, hold))
    except TimeoutError:
        raise request_timeout(timeout_s) from None


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
