"""Noticing that the client has left, or does not read, while its stream is on the way."""

import asyncio
from types import TracebackType
from typing import Final, Self

from pulumi_groq.gateway.inference.asgi import Message, Receive, Send
from pulumi_groq.gateway.inference.options import InferenceOptions

GONE: Final = "client_gone"
TOO_SLOW: Final = "client_too_slow"


class ClientWatch:
    """While entered, ends `bound` when the client is gone and the time to drain is over, or at once when
    one piece waits for it longer than the limit. `reason` then says which.

    One timer serves all pieces: it looks at the clock when it fires and is not moved on with each piece.
    """

    def __init__(self, receive: Receive, bound: asyncio.Timeout, options: InferenceOptions) -> None:
        self.gone = False
        self.reason = GONE
        self._bound = bound
        self._drain_s = options.drain_after_disconnect_s
        self._limit_s = options.send_timeout_s
        self._loop = asyncio.get_running_loop()
        self._sending_since_s: float | None = None
        self._timer = self._loop.call_later(self._limit_s, self._check)
        self._listener = self._loop.create_task(self._listen(receive))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._listener.cancel()

    async def send(self, send: Send, message: Message) -> None:
        """To the client, or to nobody when it is gone."""
        if self.gone:
            return
        self._sending_since_s = self._loop.time()
        try:
            await send(message)
        except OSError:
            self._leave()
        finally:
            self._sending_since_s = None

    def _leave(self) -> None:
        if not self.gone:
            self.gone = True
            self._bound.reschedule(self._loop.time() + self._drain_s)

    def _check(self) -> None:
        if self.gone:
            return
        now_s = self._loop.time()
        since_s = now_s if self._sending_since_s is None else self._sending_since_s
        if now_s - since_s >= self._limit_s:
            self.gone = True
            self.reason = TOO_SLOW
            self._bound.reschedule(now_s)
        else:
            self._timer = self._loop.call_at(since_s + self._limit_s, self._check)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()
