"""The bare proxy: HTTP messages between two uvloop transports, with no server, client or ASGI in between.

    python bare_proxy.py PORT UPSTREAM_PORT

A caller's connection has an upstream connection of its own; bytes are handed over as they come, heads
included. No Python HTTP gateway can cost less; it shows what the stack itself takes.
"""

import asyncio
import sys

import uvloop


class Upstream(asyncio.Protocol):
    """The far side of a pair."""

    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, _failure: Exception | None) -> None:
        self._client.close()


class Client(asyncio.Protocol):
    """The near side of a pair."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._waiting = b""
        self._upstream: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._opening = asyncio.get_running_loop().create_task(self._open())

    def data_received(self, data: bytes) -> None:
        if self._upstream is None:
            self._waiting += data
        else:
            self._upstream.write(data)

    def connection_lost(self, _failure: Exception | None) -> None:
        if self._upstream is not None:
            self._upstream.close()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._upstream, _ = await loop.create_connection(
            lambda: Upstream(self._transport), "127.0.0.1", self._upstream_port
        )
        self._upstream.write(self._waiting)


async def main(port: int, upstream_port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Client(upstream_port), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
