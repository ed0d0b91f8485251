"""Ports of this machine that lead to other ones, and can be cut, in both directions or in one."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

DEADLINE_S = 60.0
PIECE_BYTES = 65_536

_Answer = TypeVar("_Answer")


class Wire:
    """One port. `cut` refuses and breaks connections until `mend`; `stall` holds back what one side sends,
    which then arrives late: nobody can tell the two sides of a stalled connection apart from a slow one.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, to_port: int) -> None:
        self._loop = loop
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = {"there": asyncio.Event(), "back": asyncio.Event()}
        self.port = 0
        self._run(self._mend())

    def cut(self) -> None:
        """Nobody gets through: connections break, new ones are refused."""
        self._run(self._cut())

    def stall(self, direction: str) -> None:
        """Hold back what is sent `there`, to the server, or comes `back` from it."""
        self._loop.call_soon_threadsafe(self._flows[direction].clear)

    def mend(self) -> None:
        """As if nothing had been; what was held back arrives."""
        self._run(self._mend())

    async def _mend(self) -> None:
        for flow in self._flows.values():
            flow.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there, away = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(away)
        with suppress(asyncio.CancelledError):  # all wires end
            await asyncio.gather(self._pass_on(reader, away, "there"), self._pass_on(there, writer, "back"))
        self._writers -= {writer, away}

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                await self._flows[direction].wait()
                writer.write(piece)
                await writer.drain()
        writer.close()

    def _run(self, step: Coroutine[Any, Any, _Answer]) -> _Answer:
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(DEADLINE_S)


class Wires:
    """Makes them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def to(self, port: int) -> Wire:
        """A new one."""
        return Wire(self._loop, port)


@contextmanager
def wires() -> Iterator[Wires]:
    """Wires that lead on until the end, on a thread of their own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield Wires(loop)
    finally:

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result(DEADLINE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
