"""Reservations: what the requests in flight hold, oldest first."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from pulumi_groq.gateway.counters.protocol import CounterSet
from pulumi_groq.gateway.metering.entries import Admission
from pulumi_groq.policy.metering import Demand, Header


class Reservation(NamedTuple):
    """What one request holds from its admission until it is settled, or until `expires_s` (Unix seconds).

    It took `demand` from `counters`; `line` is its admission in the journal. `headers` are the
    `x-ratelimit-*` lines for the answer.
    """

    admission: Admission
    demand: Demand
    counters: CounterSet
    line: bytes
    headers: tuple[Header, ...]
    expires_s: float

    @property
    def id(self) -> str:
        """The request's id."""
        return self.admission.request_id


class OpenReservations:
    """Those that nobody has settled yet. Each stays open for the same time, so the oldest expires first."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Reservation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, reservation: Reservation) -> None:
        """Remember a reservation; its id must not be in use."""
        if reservation.id in self._by_id:
            raise ValueError(f"request {reservation.id} holds a reservation already")
        self._by_id[reservation.id] = reservation

    def remove(self, reservation: Reservation) -> bool:
        """Whether it was open; it is not any more."""
        return self._by_id.pop(reservation.id, None) is not None

    def any_expired(self, now_s: float) -> bool:
        """Whether a reservation has been open for too long."""
        return bool(self._by_id) and next(iter(self._by_id.values())).expires_s <= now_s

    def expired(self, now_s: float) -> Iterator[Reservation]:
        """Takes out, one by one, the reservations that have been open for too long."""
        while self.any_expired(now_s):
            _, oldest = self._by_id.popitem(last=False)
            yield oldest

    def lines(self) -> bytes:
        """The journal lines of all open reservations."""
        return b"".join(reservation.line for reservation in self._by_id.values())
