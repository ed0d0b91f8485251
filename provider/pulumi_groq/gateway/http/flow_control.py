"""Which way bytes may flow on a connection."""

import asyncio


class FlowControl:
    """Pauses and resumes reading, and lets writers wait for a client that takes more."""

    __slots__ = ("_transport", "_writable", "read_paused", "write_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._writable: asyncio.Event | None = None
        self.read_paused = False
        self.write_paused = False

    async def drain(self) -> None:
        """Returns once more may be written."""
        if self._writable is not None:
            await self._writable.wait()

    def pause_reading(self) -> None:
        """Receive no more for now."""
        if not self.read_paused:
            self.read_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        if self.read_paused:
            self.read_paused = False
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The client does not keep up: writers wait."""
        if not self.write_paused:
            self.write_paused = True
            self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """The client has taken what was sent, or is gone."""
        if self.write_paused:
            self.write_paused = False
            if self._writable is not None:
                self._writable.set()
