"""A proxy that opens tunnels: it notes what it is asked for, and leads all of it to this machine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from server_in_thread import server_in_thread


@dataclass
class ConnectProxy:
    """What it was asked for, and all bytes that went through it towards the other side."""

    answer: bytes
    port: int = 0
    asked: list[str] = field(default_factory=list)
    passed: bytearray = field(default_factory=bytearray)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        writer.write(self.answer)
        await writer.drain()
        if b" 200 " not in self.answer:
            return
        there, away = await asyncio.open_connection("127.0.0.1", int(head.split(" ")[1].rpartition(":")[2]))
        try:
            await asyncio.gather(self._pass_on(reader, away, self.passed), self._pass_on(there, writer))
        finally:
            away.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, noted: bytearray | None = None
    ) -> None:
        while piece := await reader.read(65536):
            if noted is not None:
                noted += piece
            writer.write(piece)
            await writer.drain()
        writer.close()


@contextmanager
def connect_proxy(answer: bytes = b"HTTP/1.1 200 Connected\r\nvia: proxy\r\n\r\n") -> Iterator[ConnectProxy]:
    """A running proxy; `answer` is what it says to everybody."""
    proxy = ConnectProxy(answer)
    with server_in_thread(proxy.serve) as proxy.port:
        yield proxy
