"""Noticing that the client has left while its stream is on the way."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self

from pulumi_groq.gateway.http.asgi import Receive

GONE: Final = "client_gone"


class ClientWatch:
    """While entered, ends `bound` when the client is gone and the `drain_s` seconds to drain are over.

    It listens without a task, which would cost more than relaying a short stream does: from one message to
    the next it is called back. `receive` may wait for futures only, as uvicorn's does.
    """

    __slots__ = ("_awaited", "_bound", "_drain_s", "_listening", "_over", "gone")

    def __init__(self, receive: Receive, bound: asyncio.Timeout, drain_s: float) -> None:
        self.gone = False
        self._over = False
        self._awaited: asyncio.Future[Any] | None = None
        self._listening: Coroutine[asyncio.Future[Any], None, None] = self._listen(receive)
        self._bound = bound
        self._drain_s = drain_s

    def __enter__(self) -> Self:
        self._go_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._listening.close()
        if self._awaited is not None:
            self._awaited.remove_done_callback(self._go_on)

    def leave(self) -> None:
        """The client is gone."""
        if not self.gone:
            self.gone = True
            self._bound.reschedule(asyncio.get_running_loop().time() + self._drain_s)

    def _go_on(self, _arrived: object = None) -> None:
        """Runs `_listen` to its next wait, as a task would."""
        if self._over:
            return
        try:
            future = self._listening.send(None)
        except StopIteration:
            return
        self._awaited = future
        future._asyncio_future_blocking = False  # how asyncio's tasks take a future from a coroutine
        future.add_done_callback(self._go_on)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.leave()
