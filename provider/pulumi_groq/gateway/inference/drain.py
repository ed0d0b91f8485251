"""Shutting down without breaking what runs: new requests are turned away, running ones finish."""

import asyncio

from pulumi_groq.gateway.http.refusal import SERVER, Refusal


class Drain:
    """Counts the running requests of the plane; after `begin` no further one may enter."""

    def __init__(self, retry_after_s: int) -> None:
        self._retry_after_s = retry_after_s
        self._running = 0
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        """Requests that have entered and not left."""
        return self._running

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
        self._running += 1
        self._idle.clear()

    def leave(self) -> None:
        """A request that entered is over."""
        self._running -= 1
        if not self._running:
            self._idle.set()

    async def idle(self) -> None:
        """Returns once nothing runs."""
        await self._idle.wait()
