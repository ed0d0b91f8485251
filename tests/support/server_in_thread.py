"""A server of asyncio in a thread of its own, which leaves nothing open."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def server_in_thread(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Calls `answer` with each connection, and closes it then; gives the port."""
    loop, started, ended = asyncio.new_event_loop(), Event(), asyncio.Event()
    ports: list[int] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await answer(reader, writer)
        writer.close()

    async def until_ended() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        ports.append(server.sockets[0].getsockname()[1])
        started.set()
        await ended.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()  # a client that reads nothing more would hold it open
        for _ in range(10):  # closed connections say so in the next turns
            await asyncio.sleep(0)

    thread = Thread(target=lambda: loop.run_until_complete(until_ended()))
    thread.start()
    started.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
