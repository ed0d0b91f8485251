"""Notices that the client has left during its stream."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from pulumi_groq.gateway.http.client import Client

GONE: Final = "client_gone"


class ClientWatch:
    """While entered, ends `bound` when the client is gone and the `drain_s` seconds to drain are over."""

    __slots__ = ("_bound", "_client", "_drain_s", "_end_watch", "gone")

    def __init__(self, client: Client, bound: asyncio.Timeout, drain_s: float) -> None:
        self.gone = False
        self._client = client
        self._bound = bound
        self._drain_s = drain_s
        self._end_watch: Callable[[], object] | None = None

    def __enter__(self) -> Self:
        self._end_watch = self._client.watch_departure(self.leave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._end_watch is not None:
            self._end_watch()

    def leave(self) -> None:
        """The client is gone."""
        if not self.gone:
            self.gone = True
            self._bound.reschedule(asyncio.get_running_loop().time() + self._drain_s)
