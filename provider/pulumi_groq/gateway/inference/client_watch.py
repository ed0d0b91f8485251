"""Noticing that the client has left while its answer is on the way."""

import asyncio

from pulumi_groq.gateway.inference.asgi import Receive


class ClientWatch:
    """Listens for the client's disconnect; then `bound` runs out `drain_s` seconds later."""

    def __init__(self, receive: Receive, bound: asyncio.Timeout, drain_s: float) -> None:
        self.gone = False
        self._bound = bound
        self._drain_s = drain_s
        self._listener = asyncio.create_task(self._listen(receive))

    def leave(self) -> None:
        """The client is gone, or reads so slowly that it counts as gone."""
        if not self.gone:
            self.gone = True
            self._bound.reschedule(asyncio.get_running_loop().time() + self._drain_s)

    def stop(self) -> None:
        """The answer is complete: its end is no disconnect."""
        self._listener.cancel()

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.leave()
