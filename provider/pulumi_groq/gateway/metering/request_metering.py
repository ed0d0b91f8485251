"""Reserve, then settle: the metering of the gateway.

A request takes the worst case from the organisation's cap, its lineage's budget and the key's rate limits
in one step, or nothing. What it takes stays taken until it is settled, so all that runs at once can never
spend past the cap. A reservation that expires unsettled frees its tokens and costs what it reserved.
A request belongs to the day and month in which it was admitted, also when it ends in the next.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.protocol import Counters, CounterSet
from pulumi_groq.gateway.health import Health
from pulumi_groq.gateway.metering.compiled_limits import CompiledLimits, CompiledLimitsByKey
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.journal import (
    Admission,
    LedgerRow,
    Settlement,
    charged_as_reserved,
)
from pulumi_groq.gateway.metering.ledger import JOURNAL, Ledger
from pulumi_groq.gateway.metering.ledger_writer import charged_record
from pulumi_groq.gateway.metering.spend_guard import SpendGuard
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.ledger import DeniedRequests
from pulumi_groq.gateway.store.set_aside import KeptAside
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.decision import denial_of
from pulumi_groq.policy.limits import (
    Consumption,
    Demand,
    Denial,
    Header,
    Quota,
    day_at,
    lineage_counter_key,
    organisation_counter_key,
)
from pulumi_groq.policy.messages import ORGANISATION_ID, rates_unavailable, store_unavailable


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


class Metering(Protocol):
    """Reserve, then settle: every admitted request is settled exactly once, on every exit path."""

    async def turns_away(self, key: KeyAccess) -> Denial | None:
        """The denial of any further request of the key right now, whatever it contains; takes nothing."""
        ...

    async def admit(self, key: KeyAccess, demand: Demand, request_id: str) -> Reservation | Denial:
        """Take the worst case from all limits, the budget and the cap in one step, or nothing of it.

        `request_id` is the reservation's id and the ledger's key: it must never be used twice.
        """
        ...

    async def settle(self, reservation: Reservation, consumption: Consumption | None, status: int) -> None:
        """Book what was used; `None` means that nothing was generated. A second settle does nothing."""
        ...


class Hold(NamedTuple):
    """Money that stays reserved beyond the request `id`, in the cap and in a lineage's budget."""

    id: str
    counters: CounterSet
    demand: Demand


class Holding(Metering, Protocol):
    """Metering of what outlasts its request and this process: whoever holds keeps it in the store."""

    async def keep(self, reservation: Reservation, status: int) -> Hold:
        """Hold on to the reservation's money; the request itself is over and cost nothing."""
        ...

    async def hold(self, request_id: str, lineage_id: str, cost_micro_usd: int) -> Hold:
        """Reserve again what was held when the last process ended, whether or not it fits."""
        ...

    async def release(self, hold: Hold | None, rows: Sequence[LedgerRow]) -> None:
        """Give back what is held, if anything is, and count `rows`, which the ledger has, instead."""
        ...


ANY_REQUEST: Final = Demand(model="", tokens=0, cost_micro_usd=0)
"""Stands for a request that was not read."""

NOTHING: Final = Consumption(prompt_tokens=0, cached_tokens=0, completion_tokens=0, cost_micro_usd=0)

_log = logging.getLogger(__name__)


class RequestMetering:
    """Implements `metering.protocol.Metering`. All of it belongs to the event loop.

    `spent_at_start` is the ledger's spend by counter of the month in which the process started.
    """

    def __init__(
        self,
        *,
        counters: Counters,
        ledger: Ledger,
        guard: SpendGuard,
        directory: Directory,
        clock: Clock,
        events: MeteringEvents,
        health: Health,
        reservation_ttl_s: float,
        spent_at_start: Mapping[str, int],
        organisation_id: str = ORGANISATION_ID,
    ) -> None:
        self._counters = counters
        self._ledger = ledger
        self._guard = guard
        self._directory = directory
        self._clock = clock
        self._events = events
        self._health = health
        self._spent_at_start = dict(spent_at_start)
        self._organisation_id = organisation_id
        self._reservation_ttl_s = reservation_ttl_s
        self._open = OpenReservations()
        self._limits = CompiledLimitsByKey(counters)
        self._month = ""

    @property
    def open_reservations(self) -> int:
        """How many requests hold a reservation."""
        return len(self._open)

    def open_admissions(self) -> bytes:
        """The journal lines of the requests in flight."""
        return self._open.lines()

    async def turns_away(self, key: KeyAccess) -> Denial | None:
        """The denial of any further request right now: the key is paused, its requests are used up, or as
        many run as may. Takes nothing.
        """
        now_s = self._clock.now().timestamp()
        paused = self._paused(key)
        if paused is not None:
            return self._denied(paused, key, ANY_REQUEST, now_s)
        limits = await self._in_force(key, now_s)
        try:
            position, levels, _ = await limits.counters.full(now_s)
        except CountersUnavailableError:
            return self._denied(rates_unavailable(), key, ANY_REQUEST, now_s)
        if position is None:
            return None
        denial = denial_of(
            ANY_REQUEST, limits.quotas, position, levels, (), limits.month, self._organisation_id
        )
        return self._denied(denial, key, ANY_REQUEST, now_s, limits.rate_headers.at(levels))

    async def admit(self, key: KeyAccess, demand: Demand, request_id: str) -> Reservation | Denial:
        """As `Metering.admit` says."""
        now_s = self._clock.now().timestamp()
        paused = self._paused(key)
        if paused is not None:
            return self._denied(paused, key, demand, now_s)
        limits = await self._in_force(key, now_s)
        if self._open.any_expired(now_s):
            await self._expire(now_s)
        if self._ledger.is_behind:
            return self._denied(store_unavailable(), key, demand, now_s)
        month, counters = limits.month, limits.counters
        expires_s = now_s + self._reservation_ttl_s
        try:
            position, levels, reserved = await counters.take(demand, now_s, request_id, expires_s)
        except CountersUnavailableError:
            return self._denied(rates_unavailable(), key, demand, now_s)
        headers = limits.rate_headers.at(levels)
        if position is not None:
            denial = denial_of(
                demand, limits.quotas, position, levels, reserved, month, self._organisation_id
            )
            # Not where only running requests stand in the way: they will give most of it back. Nor for a
            # request above the whole cap, which says nothing of the month.
            cap = limits.quotas[position].ceiling or 0
            if denial.reason == "cap" and demand.cost_micro_usd <= cap:
                self._ledger.usage.cap_refused(month, cap)
            return self._denied(denial, key, demand, now_s, headers)
        admission = Admission(
            request_id, key.key_id, key.lineage_id, key.team, demand.model, demand.cost_micro_usd, now_s
        )
        try:
            line = self._ledger.reserve(admission)
        except (OSError, OverflowError) as failure:
            if isinstance(failure, OSError):  # else the request is at fault, and makes nothing unhealthy
                self._health.failed(JOURNAL, failure)
                self._events.ledger_failed()
            await counters.settle(demand, request_id, tokens=0, cost_micro_usd=0, now_s=now_s)
            return self._denied(store_unavailable(), key, demand, now_s, headers)
        reservation = Reservation(admission, demand, counters, line, headers, expires_s)
        self._open.add(reservation)
        return reservation

    async def settle(self, reservation: Reservation, consumption: Consumption | None, status: int) -> None:
        """Book what was used; `None` means that nothing was generated. A second settle does nothing."""
        if not self._open.remove(reservation):
            return
        used = consumption or NOTHING
        now_s = self._clock.now().timestamp()
        settlement = Settlement(
            reservation.id,
            "settled",
            status,
            used.prompt_tokens,
            used.cached_tokens,
            used.completion_tokens,
            used.cost_micro_usd,
            now_s,
        )
        charged = self._ledger.settle(LedgerRow(reservation.admission, settlement))
        demand = reservation.demand
        tokens = used.tokens if charged is settlement else demand.tokens
        await reservation.counters.settle(
            demand, reservation.id, tokens=tokens, cost_micro_usd=charged.cost_micro_usd, now_s=now_s
        )

    async def keep(self, reservation: Reservation, status: int) -> Hold:
        """Hold on to the reservation's money; the request itself is over and cost nothing."""
        if self._open.remove(reservation):
            now_s = self._clock.now().timestamp()
            over = Settlement(reservation.id, "settled", status, 0, 0, 0, 0, now_s)
            self._ledger.settle(LedgerRow(reservation.admission, over))
        return Hold(reservation.id, reservation.counters, reservation.demand)

    async def hold(self, request_id: str, lineage_id: str, cost_micro_usd: int) -> Hold:
        """Reserve again what was held when the last process ended, whether or not it fits."""
        now_s = self._clock.now().timestamp()
        month = await self._open_month(now_s)
        quotas = [
            Quota("cap", organisation_counter_key(month), "micro_usd", None, None),
            Quota("budget", lineage_counter_key(month, lineage_id), "micro_usd", None, None),
        ]
        demand = ANY_REQUEST._replace(cost_micro_usd=cost_micro_usd)
        hold = Hold(request_id, self._counters.counter_set(quotas, now_s), demand)
        await hold.counters.take(demand, now_s, request_id, now_s + self._reservation_ttl_s)
        return hold

    async def release(self, hold: Hold | None, rows: Sequence[LedgerRow]) -> None:
        """Give back what is held, if anything is, and count `rows`, which the ledger has, instead."""
        now_s = self._clock.now().timestamp()
        for row in rows:
            self._ledger.usage.add(row)
        if hold is None:
            return
        spent = sum(row.settlement.cost_micro_usd for row in rows)
        await hold.counters.settle(hold.demand, hold.id, tokens=0, cost_micro_usd=spent, now_s=now_s)

    async def correct(self, kept: KeptAside) -> None:
        """Count what an operator has decided of a set-aside request, in the place of what it was charged."""
        record = charged_record(kept.what)
        more = (kept.decided_micro_usd or 0 if kept.is_booked else 0) - record.cost_micro_usd
        day = day_at(record.started_us / 1_000_000)
        self._ledger.usage.correct(record.key_id, day, more)
        month = day[:7]
        for key in (organisation_counter_key(month), lineage_counter_key(month, record.lineage_id)):
            self._spent_at_start[key] = self._spent_at_start.get(key, 0) + more
            self._counters.correct(key, more)

    async def expire(self) -> None:
        """Settle what has expired: tokens free, money as reserved; and forget the keys that are not used."""
        now_s = self._clock.now().timestamp()
        await self._expire(now_s)
        self._limits.forget_idle(now_s)

    async def _expire(self, now_s: float) -> None:
        for reservation in self._open.expired(now_s):
            _log.warning("request %s was never settled and costs what it reserved", reservation.id)
            self._events.reservation_expired()
            self._ledger.settle(charged_as_reserved(reservation.admission, "expired", now_s))
            demand = reservation.demand
            await reservation.counters.settle(
                demand, reservation.id, tokens=0, cost_micro_usd=demand.cost_micro_usd, now_s=now_s
            )

    def _paused(self, key: KeyAccess) -> Denial | None:
        if key.runaway is not None or self._guard.is_in_use:
            return self._guard.turns_away(key)
        return None

    async def _in_force(self, key: KeyAccess, now_s: float) -> CompiledLimits:
        month = await self._open_month(now_s)
        return self._limits.of(key, self._directory.organisation, month, now_s)

    async def _open_month(self, now_s: float) -> str:
        month = day_at(now_s)[:7]
        if month != self._month:
            self._month = month
            await self._counters.open_month(month, self._spent_at_start)
        return month

    def _denied(
        self, denial: Denial, key: KeyAccess, demand: Demand, now_s: float, headers: tuple[Header, ...] = ()
    ) -> Denial:
        self._ledger.deny(DeniedRequests(day_at(now_s), key.key_id, demand.model, denial.reason))
        return denial._replace(headers=headers)
