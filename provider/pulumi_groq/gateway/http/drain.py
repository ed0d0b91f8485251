"""Lets the requests that are being served come to their end before the process does."""

import asyncio

from pulumi_groq.gateway.http.refusal import SERVER, Refusal


class Drain:
    """Counts the requests that are being served; after `begin` no further one may enter.

    `running`: those that have entered and not left. `retry_after_s`: when the others should try again.
    """

    def __init__(self, retry_after_s: int = 2) -> None:
        self.running = 0
        self._retry_after_s = retry_after_s
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        """From now on `enter` refuses."""
        self._draining = True

    def enter(self) -> None:
        """A request begins. Raises `Refusal` 503 with `retry-after` while shutting down."""
        if self._draining:
            raise Refusal(
                503,
                SERVER,
                "The gateway is shutting down. Try again; another instance will answer.",
                reason="shutting_down",
                code="shutting_down",
                headers=((b"retry-after", b"%d" % self._retry_after_s),),
                close=True,
            )
        if not self.running:
            self._idle.clear()
        self.running += 1

    def leave(self) -> None:
        """A request that entered is over."""
        self.running -= 1
        if not self.running:
            self._idle.set()

    async def idle(self) -> None:
        """Returns once nothing runs."""
        await self._idle.wait()
