"""What requests hold from their admission until they are settled, and what stays held beyond that."""

from asyncio import Task
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple

from pulumi_groq.gateway.counters.protocol import CounterSet
from pulumi_groq.gateway.metering.journal import Admission
from pulumi_groq.policy.limits import Demand, Header, Quota


class Reservation(NamedTuple):
    """What one request holds from its admission until it is settled; or, where the `task` that serves it has
    ended without that, until `expires_s` (Unix seconds).

    It took `demand` from `counters`, which are those of `quotas`; `line` is its admission in the journal.
    `headers` are the `x-ratelimit-*` lines for the answer.
    """

    admission: Admission
    demand: Demand
    counters: CounterSet
    line: bytes
    headers: tuple[Header, ...]
    expires_s: float
    quotas: Sequence[Quota] = ()
    task: Task[Any] | None = None

    @property
    def id(self) -> str:
        """The request's id."""
        return self.admission.request_id

    @property
    def is_served(self) -> bool:
        """Whether somebody is there to settle it."""
        return self.task is not None and not self.task.done()


class Part(NamedTuple):
    """What is held beside a request's own counters: money in totals of one model of several, or in such as
    were opened after its admission; with `is_run` its place in a count of running requests. `model` is set
    where only the cost of that model counts.
    """

    counters: CounterSet
    demand: Demand
    model: str | None
    counter_keys: Sequence[str] = ()
    is_run: bool = False

    async def settle(self, reservation_id: str, cost_micro_usd: int, now_s: float) -> None:
        """Let go what is held, and count the cost instead."""
        await self.counters.settle(
            self.demand, reservation_id, tokens=0, cost_micro_usd=cost_micro_usd, now_s=now_s
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that the request `id`, admitted at `started_s` (Unix seconds), holds in the totals of its
    `parts`, maybe beyond its own end.
    """

    id: str
    lineage_id: str
    team: str | None
    started_s: float
    demand: Demand
    parts: list[Part] = field(default_factory=list)


class OpenReservations:
    """Those that nobody has settled yet. Each stays open for the same time, so the oldest expires first."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Reservation] = OrderedDict()
        self.next_expiry_s = inf
        """Nothing expires before (Unix seconds)."""
        self._parts: dict[str, list[Part]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, reservation: Reservation, parts: Sequence[Part] = ()) -> None:
        """Remember a reservation, and what is held beside it; its id must not be in use."""
        request_id = reservation.admission.request_id
        if self._by_id.setdefault(request_id, reservation) is not reservation:
            raise ValueError(f"request {request_id} holds a reservation already")
        self.next_expiry_s = min(self.next_expiry_s, reservation.expires_s)
        if parts:
            self._parts[request_id] = list(parts)

    def remove(self, reservation: Reservation) -> Sequence[Part] | None:
        """What was held beside it; it is not open any more. `None` where it was not."""
        request_id = reservation.admission.request_id
        if self._by_id.pop(request_id, None) is None:
            return None
        return self._parts.pop(request_id, ()) if self._parts else ()

    def admitted_since(self, unix_s: float) -> Iterator[Hold]:
        """What those hold that were admitted since a time (Unix seconds), the newest first; its parts may be
        added to.
        """
        for reservation in reversed(self._by_id.values()):
            admission = reservation.admission
            if admission.started_s < unix_s:
                return
            parts = self._parts.setdefault(reservation.id, [])
            yield Hold(
                reservation.id,
                admission.lineage_id,
                admission.team,
                admission.started_s,
                reservation.demand,
                parts,
            )

    def expired(self, now_s: float) -> Iterator[tuple[Reservation, Sequence[Part]]]:
        """Takes out, one by one, the reservations that have been open for too long and that nobody serves any
        more, and what is held beside them.
        """
        expired = []
        self.next_expiry_s = inf
        for reservation in self._by_id.values():
            if reservation.expires_s > now_s:
                self.next_expiry_s = reservation.expires_s
                break
            if not reservation.is_served:
                expired.append(reservation)
        for reservation in expired:
            parts = self.remove(reservation)
            if parts is not None:
                yield reservation, parts

    def uses(self) -> Iterator[tuple[str, float]]:
        """The keys of all open reservations, and when each was admitted (Unix seconds)."""
        for reservation in self._by_id.values():
            yield reservation.admission.key_id, reservation.admission.started_s

    def held_by(self, reservation: Reservation) -> Mapping[str, int]:
        """What a reservation and its parts hold of money, by counter key (micro-dollars)."""
        cost = reservation.demand.cost_micro_usd
        amounts = {quota.counter_key: cost for quota in reservation.quotas if quota.unit == "micro_usd"}
        for part in self._parts.get(reservation.id, ()):
            amounts |= dict.fromkeys(part.counter_keys, part.demand.cost_micro_usd)
        return amounts

    def lines(self) -> bytes:
        """The journal lines of all open reservations."""
        return b"".join(reservation.line for reservation in self._by_id.values())
