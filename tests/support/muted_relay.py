"""A way to a server that stays open and leads nowhere, as a proxy's that has lost the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK_BYTES = 65536


class MutedRelay:
    """Connections that pass what is sent; on mute ones nothing is heard any more."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.made = 0
        self.asked = b""
        """All that clients have sent."""
        self.mutes_after: bytes | None = None
        """The next connection is mute from the answer on that has this in it."""
        self._target = host, port
        self._mute: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def mute(self) -> None:
        """Let nothing be heard any more on the connections that there are."""
        self._mute |= self._open

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.made += 1
        self._serving.add(asyncio.get_running_loop().create_task(self._serve(reader, writer)))

    async def end(self) -> None:
        """Cut all connections."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mutes_after, self.mutes_after = self.mutes_after, None
        self._open.add(writer)
        answers, server = await asyncio.open_connection(*self._target)
        answering = asyncio.create_task(self._answer(answers, writer, mutes_after))
        try:
            while data := await reader.read(CHUNK_BYTES):
                self.asked += data
                server.write(data)
        finally:
            answering.cancel()
            for end in (server, writer):
                end.close()
            await asyncio.gather(server.wait_closed(), writer.wait_closed(), return_exceptions=True)

    async def _answer(
        self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, mutes_after: bytes | None
    ) -> None:
        while data := await answers.read(CHUNK_BYTES):
            if writer not in self._mute:
                writer.write(data)
            if mutes_after is not None and mutes_after in data:
                self._mute.add(writer)


@asynccontextmanager
async def muted_relay(host: str, port: int) -> AsyncIterator[MutedRelay]:
    """A running relay to a server, on 127.0.0.1 and its `port`."""
    relay = MutedRelay(host, port)
    server = await asyncio.start_server(relay.begin, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.end()
