"""How many connections and kept bytes there are, in all and of each peer, and what happens at the bounds."""

import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pulumi_groq.gateway.http.refusal import SERVER, Refusal


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds.

    `head_s`: from connecting, or from the first byte of a further request, to the end of its head.
    `keep_alive_s`: from an answer to the first byte of the next request; on a reserved place also for a head.
    `body_s`: between two pieces of a body while the application waits for it.
    `early_s`: from an answer to the end of a body that was not needed for it.
    `write_s`: without the client taking any of the bytes that are to be sent.
    `linger_s`: from the last byte sent to the end of a connection that is being closed.
    """

    head_s: float = 30.0
    keep_alive_s: float = 5.0
    body_s: float = 60.0
    early_s: float = 5.0
    write_s: float = 60.0
    linger_s: float = 2.0

    @property
    def shortest_s(self) -> float:
        """The shortest of them: checking that often misses none."""
        return min(self.head_s, self.keep_alive_s, self.body_s, self.early_s, self.write_s, self.linger_s)


DEFAULT_DEADLINES: Final = Deadlines()


MIB: Final = 1024 * 1024
LOG_INTERVAL_S: Final = 10.0
RETRY_AFTER: Final = (b"retry-after", b"1")

_log = logging.getLogger("pulumi_groq.gateway.connections")


class Place(Enum):
    """What a connection may ask for: anything, or (`RESERVED`) health, metrics and the admin plane."""

    ORDINARY = "ordinary"
    RESERVED = "reserved"


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """`connections` and `kept_bytes` hold for all peers together, `per_peer_...` for one.

    A peer is the address that connects, of IPv6 its /64: behind a load balancer all clients are one.
    `reserved` further connections are let in above the bounds, at most `reserved_per_peer` of one peer; they
    are for what an operator needs then. Kept bytes are those of request bodies that are read whole.
    """

    connections: int = 4_096
    per_peer_connections: int = 3_072
    reserved: int = 64
    reserved_per_peer: int = 8
    kept_bytes: int = 1_024 * MIB
    per_peer_kept_bytes: int = 768 * MIB


DEFAULT_BOUNDS: Final = ConnectionBounds()


class Connections:
    """Counts them. The log says when a bound is met, at most every `LOG_INTERVAL_S` seconds for each.

    Once `are_ending`, as the server is about to stop, each answer is the last of its connection and says so.
    """

    def __init__(
        self, bounds: ConnectionBounds = DEFAULT_BOUNDS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.bounds: Final = bounds
        self.are_ending = False
        self._monotonic = monotonic
        self._open: dict[Place, Counter[str]] = {place: Counter() for place in Place}
        self._totals: Counter[Place] = Counter()
        self._kept: Counter[str] = Counter()
        self._kept_bytes = 0
        self._told_s: dict[str, float] = {}

    @property
    def open(self) -> int:
        """All connections that have a place."""
        return self._totals.total()

    @property
    def kept_bytes(self) -> int:
        """Bytes of request bodies that are kept now."""
        return self._kept_bytes

    def enter(self, peer: str) -> Place | None:
        """The place of a new connection; None if there is none left."""
        bounds = self.bounds
        if self._totals[Place.ORDINARY] >= bounds.connections:
            self._tell("all", "%d connections are open: --max-connections", bounds.connections)
        elif self._open[Place.ORDINARY][peer] >= bounds.per_peer_connections:
            self._tell(
                "peer",
                "%s has %d connections open: --max-connections-per-peer",
                peer,
                bounds.per_peer_connections,
            )
        else:
            return self._seat(Place.ORDINARY, peer)
        reserved = self._open[Place.RESERVED][peer]
        if self._totals[Place.RESERVED] < bounds.reserved and reserved < bounds.reserved_per_peer:
            return self._seat(Place.RESERVED, peer)
        return None

    def leave(self, peer: str, place: Place) -> None:
        """A connection that entered is gone."""
        self._totals[place] -= 1
        _take_off(self._open[place], peer, 1)

    def keep(self, peer: str, size: int) -> None:
        """`size` bytes more are kept for a request of `peer`. Raises `Refusal` 503 above a bound."""
        bounds = self.bounds
        if self._kept_bytes + size > bounds.kept_bytes:
            self._tell("kept", "request bodies take %d MiB: --max-body-mib", bounds.kept_bytes // MIB)
            raise _overloaded()
        if self._kept[peer] + size > bounds.per_peer_kept_bytes:
            self._tell(
                "kept by peer",
                "request bodies of %s take %d MiB: --max-body-mib-per-peer",
                peer,
                bounds.per_peer_kept_bytes // MIB,
            )
            raise _overloaded()
        self._kept_bytes += size
        self._kept[peer] += size

    def let_go(self, peer: str, size: int) -> None:
        """They are kept no longer."""
        self._kept_bytes -= size
        _take_off(self._kept, peer, size)

    def _seat(self, place: Place, peer: str) -> Place:
        self._totals[place] += 1
        self._open[place][peer] += 1
        return place

    def _tell(self, bound: str, text: str, *values: object) -> None:
        now = self._monotonic()
        if now - self._told_s.get(bound, -LOG_INTERVAL_S) >= LOG_INTERVAL_S:
            self._told_s[bound] = now
            _log.warning(f"{text} allows no more; further ones are turned away", *values)


def address_of(host: str) -> str:
    """The address of a connected host: one of IPv4 that came to a socket of IPv6, as with `--host ::`, as
    itself.
    """
    return host.removeprefix("::ffff:") if "." in host else host


def peer_of(address: str) -> str:
    """Whom to count an address as: an IPv6 one as its /64 network, all of which a client may use."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))


def too_many_connections() -> Refusal:
    """503 for a request on a connection that is there for other requests."""
    return Refusal(
        503,
        SERVER,
        "The gateway has as many connections open as it may. Try again.",
        code="too_many_connections",
        headers=(RETRY_AFTER,),
        close=True,
    )


def _overloaded() -> Refusal:
    return Refusal(
        503,
        SERVER,
        "The gateway keeps as many request bodies as it may. Try again.",
        code="overloaded",
        headers=(RETRY_AFTER,),
        close=True,
    )


def _take_off(counts: Counter[str], peer: str, size: int) -> None:
    left = counts[peer] - size
    if left > 0:
        counts[peer] = left
    else:
        counts.pop(peer, None)
