"""One connection to a Redis server: calls of one turn of the loop are sent together.

Own pipelining over hiredis's parser, because it is on the way of every request: benchmarks/README.md has the
figures beside redis-py's.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

import hiredis

from pulumi_groq.gateway.counters.errors import CountersUnavailableError

MOST_MISSED: Final = 3
"""After so many turns without an answer in time the connection is given up."""
CONNECT_DEADLINE_S: Final = 1.0


class RedisDownError(CountersUnavailableError):
    """No answer, or none in time. The text names no password."""


class Login(NamedTuple):
    """How to begin a connection."""

    username: str = ""
    password: str = ""
    database: int = 0
    tls: ssl.SSLContext | None = None


class Address(NamedTuple):
    """Where a server is."""

    host: str
    port: int


def command(*words: bytes | str | int) -> bytes:
    """One command as it is sent."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class _Call(NamedTuple):
    answer: "asyncio.Future[Any]"
    deadline_s: float


class RedisConnection(asyncio.Protocol):
    """Connected until `is_open` is false. `server_id` changes when a server starts anew."""

    def __init__(self, deadline_s: float, lost: Callable[["RedisConnection", str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline_s = deadline_s
        self._lost = lost
        self._reader = hiredis.Reader()
        self._waiting: deque[_Call] = deque()
        self._unsent: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._missed = 0
        self._transport: asyncio.Transport | None = None
        self.is_open = False
        self.server_id = ""

    @classmethod
    async def to(
        cls,
        address: Address,
        login: Login,
        setup: tuple[bytes, ...],
        *,
        deadline_s: float,
        lost: Callable[["RedisConnection", str], None],
    ) -> "RedisConnection":
        """Connect and log in. Raises `RedisDownError` unless the server then answers in time."""
        loop = asyncio.get_running_loop()
        connection = cls(deadline_s, lost)
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await loop.create_connection(
                    lambda: connection,
                    address.host,
                    address.port,
                    ssl=login.tls,
                )
                await connection._begin(login, setup)
        except TimeoutError:
            connection.close()
            raise RedisDownError(f"no answer within {CONNECT_DEADLINE_S:g} s") from None
        except OSError as failure:
            connection.close()
            raise RedisDownError(failure.strerror or type(failure).__name__) from None
        except RedisDownError:
            connection.close()
            raise
        connection.is_open = True
        return connection

    def call(self, sent: bytes, deadline_s: float | None = None) -> "asyncio.Future[Any]":
        """The answer to a command that `command` made, a `hiredis.ReplyError` included. It fails with
        `RedisDownError` when the connection ends or the deadline passes.
        """
        answer: asyncio.Future[Any] = self._loop.create_future()
        deadline = self._loop.time() + (self._deadline_s if deadline_s is None else deadline_s)
        self._waiting.append(_Call(answer, deadline))
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(sent)
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._look_at_deadlines)
        return answer

    def close(self) -> None:
        """End it; nobody is told."""
        self._lost = lambda *_: None
        self._give_up("closed")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio calls this."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio calls this."""
        self._missed = 0
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                answer, _ = self._waiting.popleft()
                if not answer.done():
                    answer.set_result(reply)
        except (hiredis.ProtocolError, IndexError):
            self._give_up("it does not speak the protocol of Redis")

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio calls this."""
        self._give_up("the connection ended" if exc is None else "the connection broke")

    def _send(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    async def _begin(self, login: Login, setup: tuple[bytes, ...]) -> None:
        calls = []
        if login.password:
            words = ("AUTH", *([login.username] if login.username else []), login.password)
            calls.append(command(*words))
        if login.database:
            calls.append(command("SELECT", login.database))
        calls += [command("INFO", "server"), *setup]
        answers = await asyncio.gather(*(self.call(each, CONNECT_DEADLINE_S) for each in calls))
        for answer in answers:
            if isinstance(answer, hiredis.ReplyError):
                raise RedisDownError(f"it refuses: {str(answer).partition(' ')[0]}")
        for line in answers[len(calls) - len(setup) - 1].splitlines():
            name, _, value = line.partition(b":")
            if name == b"run_id":
                self.server_id = value.decode()
        await self.call(command("PING"))

    def _look_at_deadlines(self) -> None:
        # An answer may have come while this process was busy: it is read before the calls are judged.
        self._timer = self._loop.call_later(0.001, self._judge_deadlines)

    def _judge_deadlines(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        late = [each for each in self._waiting if each.deadline_s <= now_s and not each.answer.done()]
        for each in late:
            each.answer.set_exception(RedisDownError(f"no answer within {self._deadline_s * 1000:g} ms"))
            each.answer.exception()  # whoever settles does not wait for it
        if late:
            self._missed += 1
            if self._missed >= MOST_MISSED:
                self._give_up(f"no answer within {self._deadline_s * 1000:g} ms")
                return
        deadlines = [each.deadline_s for each in self._waiting if not each.answer.done()]
        if deadlines:
            self._timer = self._loop.call_at(min(deadlines), self._look_at_deadlines)

    def _give_up(self, why: str) -> None:
        was_open, self.is_open = self.is_open, False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            answer, _ = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(RedisDownError(why))
                answer.exception()  # whoever settles does not wait for it
        if was_open:
            self._lost(self, why)
