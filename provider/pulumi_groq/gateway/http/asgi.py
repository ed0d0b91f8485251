"""ASGI as the gateway uses it: its callables, a time limit on them, the headers that matter, the client."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from types import coroutine
from typing import Any, Final, NamedTuple, Protocol, TypeVar

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]


T = TypeVar("T")


async def within(limit_s: float, work: Awaitable[T]) -> T:
    """What `work` returns. Raises `TimeoutError` if it waits for more than `limit_s` in all."""
    steps = work.__await__()
    try:
        awaited = steps.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(limit_s):
        return await _resumed(steps, awaited)


@coroutine
def _resumed(steps: Generator[Any, Any, T], awaited: Any) -> Generator[Any, None, T]:
    """Goes on with a coroutine that waits for `awaited`."""
    while True:
        try:
            try:
                yield awaited
            except BaseException as failure:  # noqa: BLE001  it is the work's to deal with, a cancellation too
                awaited = steps.throw(failure)
            else:
                awaited = steps.send(None)
        except StopIteration as done:
            result: T = done.value
            return result


REQUEST_ID: Final = "pulumi_groq.request_id"
"""Where a request's scope holds its id; the inference plane keeps its own."""

CLIENT: Final = "pulumi_groq.client"
"""The extension in a request's scope that is a `Client` of our own server."""


class Client(Protocol):
    """The other end of a request."""

    def watch_departure(self, left: Callable[[], None]) -> Callable[[], None]:
        """Calls `left` once when the client is gone, at once if it is; what is returned ends the watch."""
        ...

    def arrived_body(self) -> bytes | None:
        """The body of the request, if all of it is here and none of it has been received."""
        ...

    def send_now(self, messages: Sequence[Message], send: Send) -> bool:
        """Does what `send` would with each of the messages; does nothing and gives false where that could
        wait for the client, or where `send` is not the server's own.
        """
        ...

    def hold(self, size: int) -> None:
        """`size` more bytes of the request are kept until it is over. Raises `Refusal` 503 for too many."""
        ...

    def abort(self) -> None:
        """Cut the connection without an answer."""
        ...


def client_of(scope: Scope, receive: Receive) -> Client:
    """The client of a request; under another server than ours it is listened for, and not bounded."""
    client: Client | None = scope.get("extensions", {}).get(CLIENT)
    return ListenedClient(receive) if client is None else client


class ListenedClient:
    """A client that is only known by ASGI's messages."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    def watch_departure(self, left: Callable[[], None]) -> Callable[[], None]:
        """Listens in a task of its own."""
        listening = asyncio.create_task(self._listen(left))
        return listening.cancel  # type: ignore[return-value]  # whether it was cancelled tells nothing

    async def _listen(self, left: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        left()

    def arrived_body(self) -> None:
        """It has to be received to be known."""

    def send_now(self, _messages: Sequence[Message], _send: Send) -> bool:
        """Whether the other server would wait is not known."""
        return False

    def hold(self, size: int) -> None:
        """The other server bounds what it takes."""

    def abort(self) -> None:
        """Only our own server can cut a connection."""
        raise NotImplementedError


_LONGEST_LENGTH: Final = 20
"""Digits of the largest length that fits into 64 bits."""


class RequestHeaders(NamedTuple):
    """`token` is the bearer token, without the spaces around it; empty where there is none, or two."""

    token: bytes
    content_type: bytes
    content_length: int | None
    accept: bytes
    user_agent: bytes
    content_encoding: bytes


def read_request_headers(scope: Scope) -> RequestHeaders:
    """Of what is given twice the last counts. The server has put the names in lower case."""
    lines = scope["headers"]
    values = dict(lines)
    get = values.get
    length = get(b"content-length", b"")
    content_type, accept, user_agent = (
        get(b"content-type", b""),
        get(b"accept", b"*/*"),
        get(b"user-agent", b""),
    )
    # These go into the upstream request as they are; the server refuses line ends, and this makes sure.
    authorization = get(b"authorization", b"")
    if len(values) != len(lines) and _given_twice(lines):
        authorization = b""
    scheme, _, token = authorization.partition(b" ")
    passed_on = content_type + accept + user_agent
    if b"\r" in passed_on or b"\n" in passed_on:
        content_type, accept, user_agent = map(_one_line, (content_type, accept, user_agent))
    return RequestHeaders(
        token.strip(b" \t") if scheme.lower() == b"bearer" else b"",
        content_type,
        int(length[:_LONGEST_LENGTH]) if length.isdigit() else None,
        accept,
        user_agent,
        get(b"content-encoding", b""),
    )


def _one_line(value: bytes) -> bytes:
    return b"" if b"\r" in value or b"\n" in value else value


def _given_twice(lines: Sequence[Header]) -> bool:
    return sum(name == b"authorization" for name, _ in lines) > 1
