"""Fewer system calls for an answer: what is written in one turn of the event loop goes out as one."""

import asyncio
from typing import Any, Final

MOST_WAITING_BYTES: Final = 64 * 1024


class JoinedWrites(asyncio.Transport):
    """`transport`, whose writes wait for the end of the loop's turn, at most `MOST_WAITING_BYTES` of them.

    uvicorn writes the head and the body of an answer apart; uvloop sends each write at once, which
    costs more than making the answer does.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send soon."""
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(bytes(data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._send()

    def close(self) -> None:
        """Send what waits, then close."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Cut the connection; what waits is not sent."""
        self._forget()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is being closed."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Receive no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows of itself."""
        return self._transport.get_extra_info(name, default)

    def _send(self) -> None:
        if self._waiting:
            data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
            self._forget()
            if not self._transport.is_closing():
                self._transport.write(data)

    def _forget(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0
