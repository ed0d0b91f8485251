"""Noticing that the client has left while its stream is on the way."""

import asyncio
from types import TracebackType
from typing import Final, Self

from pulumi_groq.gateway.inference.asgi import Receive

GONE: Final = "client_gone"


class ClientWatch:
    """While entered, ends `bound` when the client is gone and the `drain_s` seconds to drain are over."""

    __slots__ = ("_bound", "_drain_s", "_listener", "_receive", "gone")

    def __init__(self, receive: Receive, bound: asyncio.Timeout, drain_s: float) -> None:
        self.gone = False
        self._receive = receive
        self._bound = bound
        self._drain_s = drain_s

    def __enter__(self) -> Self:
        self._listener = asyncio.get_running_loop().create_task(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.cancel()

    def leave(self) -> None:
        """The client is gone."""
        if not self.gone:
            self.gone = True
            self._bound.reschedule(asyncio.get_running_loop().time() + self._drain_s)

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.leave()
