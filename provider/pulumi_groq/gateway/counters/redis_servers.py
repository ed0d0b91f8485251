"""Which Redis server holds a key, over connections that are made again: one server, Sentinel, or Cluster."""

import asyncio
from binascii import crc_hqx
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import hiredis

from pulumi_groq.gateway.counters.redis_address import RedisAddress
from pulumi_groq.gateway.counters.redis_connection import (
    Address,
    Login,
    RedisConnection,
    RedisDownError,
    command,
)

DEADLINE_S: Final = 0.05
SLOTS: Final = 16_384
MOST_LATE: Final = 10_000
"""How many settlements wait for a server that is away."""

_Answer = TypeVar("_Answer")


class ReachEvents(Protocol):
    """Told when servers can no longer be reached, and when they can again; must not block or raise."""

    def counters_down(self, failure: RedisDownError) -> None:
        """A server that holds keys does not answer; it is asked again."""
        ...

    def counters_up(self) -> None:
        """All of them answer."""
        ...


def slot_of(tag: str) -> int:
    """The slot of all keys with this hash tag: CRC16/XMODEM, as the specification of Redis Cluster has it."""
    return crc_hqx(tag.encode(), 0) % SLOTS


class RedisServers:
    """Calls by slot. `keep` connects and asks where the keys are: await it every `KEEP_PERIOD_S`."""

    def __init__(
        self,
        address: RedisAddress,
        script: str,
        events: ReachEvents,
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._address = address
        self._login = Login(address.username, address.password, address.database, address.tls())
        self._setup = (command("SCRIPT", "LOAD", script),)
        self._events = events
        self._deadline_s = deadline_s
        self._connections: dict[Address, RedisConnection] = {}
        self._of_slot: list[Address] = []
        self.connected = 0
        """How many connections were made so far."""
        self._must_ask = True
        self._refusal: RedisDownError | None = None
        """Why a server that answers counts nothing, until it counts again."""
        self._late: deque[tuple[int, bytes]] = deque(maxlen=MOST_LATE)

    def connection(self, slot: int) -> RedisConnection | None:
        """Who holds the slot, if it can be asked right now."""
        if not self._of_slot:
            return None
        connection = self._connections.get(self._of_slot[slot])
        return connection if connection is not None and connection.is_open else None

    async def call(self, slot: int, sent: bytes) -> Any:
        """The answer to a call of the script. Raises `RedisDownError` without one."""
        connection = self.connection(slot)
        if connection is None:
            raise RedisDownError("not connected")
        answer = await connection.call(sent)
        if _is_error(answer):
            answer = await self._redirected(slot, sent, connection, answer)
        # Told with the next round: a server whose memory is just full refuses now and then.
        self._refusal = None
        return answer

    def send(self, slot: int, sent: bytes) -> None:
        """Make a call that may be made twice and whose answer nobody needs; later, if need be."""
        connection = self.connection(slot)
        if connection is None:
            self._late.append((slot, sent))
            return

        def look(answer: "asyncio.Future[Any]") -> None:
            if answer.exception() is not None or _is_error(answer.result()):
                self._late.append((slot, sent))

        connection.call(sent).add_done_callback(look)

    async def keep(self) -> None:
        """One round: connect where a connection is missing, and make the calls that are late."""
        try:
            if self._must_ask or not self._of_slot:
                self._of_slot = await self._asked()
                self._must_ask = False
            for address in set(self._of_slot):
                held = self._connections.get(address)
                if held is None or not held.is_open:
                    self._connections[address] = await self._connect(address, self._login, self._setup)
                    self.connected += 1
            for address in set(self._connections) - set(self._of_slot):
                self._connections.pop(address).close()
        except RedisDownError as failure:
            self._must_ask = True
            self._events.counters_down(failure)
            return
        if self._refusal is None:
            self._events.counters_up()
        for _ in range(len(self._late)):
            slot, sent = self._late.popleft()
            try:
                await self.call(slot, sent)
            except RedisDownError:
                return

    def close(self) -> None:
        """End all connections."""
        for connection in self._connections.values():
            connection.close()

    async def _redirected(
        self, slot: int, sent: bytes, connection: RedisConnection, error: hiredis.ReplyError
    ) -> Any:
        kind, _, rest = str(error).partition(" ")
        if kind == "NOSCRIPT":  # SCRIPT FLUSH
            connection.call(self._setup[0])
            answer = await connection.call(sent)
        elif kind in {"MOVED", "ASK"}:
            host, _, port = rest.rpartition(" ")[2].rpartition(":")
            other = Address(host or self._of_slot[slot].host, int(port))
            target = self._connections.get(other)
            self._must_ask = self._must_ask or kind == "MOVED"
            if target is None or not target.is_open:
                raise RedisDownError("the keys are moving to another node")
            if kind == "MOVED":
                self._of_slot[slot] = other
            else:
                target.call(command("ASKING"))
            answer = await target.call(sent)
        else:
            answer = error
        if _is_error(answer):
            # READONLY after a failover, LOADING, CLUSTERDOWN: another may hold the keys by now.
            self._must_ask = True
            if str(answer).startswith(("READONLY", "MASTERDOWN", "LOADING")):
                connection.close()
            self._refusal = RedisDownError(f"it refuses: {str(answer).partition(' ')[0]}")
            self._events.counters_down(self._refusal)
            raise self._refusal
        return answer

    async def _asked(self) -> list[Address]:
        """Which server holds each slot."""
        seeds = [Address(*each) for each in self._address.hosts]
        if self._address.kind == "server":
            return seeds * SLOTS
        if self._address.kind == "sentinel":
            return [await self._first_answer(seeds, self._master)] * SLOTS
        return await self._first_answer([*self._connections, *seeds], self._cluster_slots)

    async def _first_answer(
        self, seeds: list[Address], ask: Callable[[Address], Awaitable[_Answer]]
    ) -> _Answer:
        failure = RedisDownError("nobody was asked")
        for seed in seeds:
            try:
                return await ask(seed)
            except RedisDownError as error:
                failure = error
        raise failure

    async def _master(self, sentinel: Address) -> Address:
        # Sentinels have no databases, and passwords of their own, if any: none is sent to them.
        connection = await self._connect(sentinel, Login(tls=self._login.tls), ())
        try:
            service = self._address.service
            answer = await connection.call(command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service))
        finally:
            connection.close()
        if not isinstance(answer, list):
            raise RedisDownError("the sentinels do not know the service")
        host, port = answer
        return Address(host.decode(), int(port))

    async def _cluster_slots(self, node: Address) -> list[Address]:
        connection = await self._connect(node, self._login, ())
        try:
            answer = await connection.call(command("CLUSTER", "SLOTS"))
        finally:
            connection.close()
        if _is_error(answer):
            raise RedisDownError(f"it refuses: {str(answer).partition(' ')[0]}")
        of_slot: list[Address | None] = [None] * SLOTS
        for first, last, (host, port, *_), *_ in answer:
            address = Address(host.decode() or node.host, port)
            of_slot[first : last + 1] = [address] * (last - first + 1)
        known = [address for address in of_slot if address is not None]
        if len(known) < SLOTS:
            raise RedisDownError("no node holds some of the slots")
        return known

    async def _connect(self, address: Address, login: Login, setup: tuple[bytes, ...]) -> RedisConnection:
        return await RedisConnection.to(
            address, login, setup, deadline_s=self._deadline_s, lost=self._connection_lost
        )

    def _connection_lost(self, connection: RedisConnection, why: str) -> None:
        if connection in self._connections.values():
            self._must_ask = True
            self._events.counters_down(RedisDownError(why))


def _is_error(answer: Any) -> bool:
    return isinstance(answer, hiredis.ReplyError)
