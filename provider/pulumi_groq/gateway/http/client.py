"""What an application may know and ask of the client beyond ASGI's messages."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from pulumi_groq.gateway.http.asgi import Receive, Scope

CLIENT: Final = "pulumi_groq.client"
"""The extension in a request's scope that is a `Client` of our own server."""


class Client(Protocol):
    """The other end of a request."""

    def watch_departure(self, left: Callable[[], None]) -> Callable[[], None]:
        """Calls `left` once when the client is gone, at once if it is; what is returned ends the watch."""
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

    def hold(self, size: int) -> None:
        """The other server bounds what it takes."""

    def abort(self) -> None:
        """Only our own server can cut a connection."""
        raise NotImplementedError
