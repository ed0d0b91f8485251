"""Connections on which PostgreSQL says nothing any more, and that nobody else ends: a proxy keeps them up.

A timeout of the server cannot help, for it is what is not heard; nor those of TCP, for the proxy answers.
"""

import os
import socket
import time
from typing import Any, Final
from weakref import WeakSet

import psycopg
from sqlalchemy import Engine, event

SILENT_AFTER_S: Final = 75.0
"""Longer than a statement may take."""


class TimedConnection(psycopg.Connection[Any]):
    """Knows since when it waits for the server."""

    waits_since_s: float | None = None

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """psycopg calls this for each exchange with the server."""
        self.waits_since_s = time.monotonic()
        try:
            return super().wait(*arguments, **options)
        finally:
            self.waits_since_s = None


class OpenConnections:
    """Those of an engine of psycopg, which has made none yet."""

    def __init__(self, engine: Engine) -> None:
        self._open: WeakSet[TimedConnection] = WeakSet()
        event.listen(engine, "do_connect", self._connect)

    def end_silent(self, monotonic_s: float) -> int:
        """End those that have waited too long at a time; whoever waits is told that they broke. From any
        thread; gives how many there were.
        """
        silent = [
            each
            for each in list(self._open)
            if (since_s := each.waits_since_s) is not None and monotonic_s - since_s > SILENT_AFTER_S
        ]
        for each in silent:
            hang_up(each)
        return len(silent)

    def _connect(self, _dialect: Any, _record: Any, arguments: Any, parameters: Any) -> TimedConnection:
        made = TimedConnection.connect(*arguments, **parameters)
        self._open.add(made)
        return made


def hang_up(connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> None:
    """Break a connection, in whatever state it is, without asking the server."""
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        return  # it has ended meanwhile
