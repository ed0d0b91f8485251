"""Reserve, then settle: the metering of the gateway.

A request takes the worst case from the organisation's cap and budgets, those of its team, its lineage and
the model, and all rate limits in one step, or nothing. What it takes stays taken until it is settled, so all
that runs at once can never spend past a limit. A reservation that expires, as its task ended and did not
settle it, frees its tokens and costs what it reserved. A request belongs to the windows in which it was
admitted, also when it ends in the next ones.

A budget that is set while requests run counts them too: a total that is opened begins with what is settled in
its window, and what is reserved in it already is held there besides. So does a limit on parallel requests. A
limit of a rate begins with nothing used: what went before it is not of its minute.
"""

import logging
from asyncio import current_task
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from math import inf
from typing import Final

from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.protocol import Counters
from pulumi_groq.gateway.health import Health
from pulumi_groq.gateway.metering.compiled_limits import CompiledLimits, CompiledLimitsByKey
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.journal import Admission, LedgerRow, Settlement, charged_as_reserved
from pulumi_groq.gateway.metering.ledger import JOURNAL, Ledger
from pulumi_groq.gateway.metering.ledger_writer import charged_record
from pulumi_groq.gateway.metering.reservations import Hold, OpenReservations, Part, Reservation
from pulumi_groq.gateway.metering.shared_money import SharedMoney
from pulumi_groq.gateway.metering.spend_guard import SpendGuard
from pulumi_groq.gateway.protocols import Clock, Directory
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.ledger import DeniedRequests, insert_rows
from pulumi_groq.gateway.store.set_aside import KeptAside
from pulumi_groq.gateway.store.store import Connection
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.decision import denial_of
from pulumi_groq.policy.escrow import FencedError
from pulumi_groq.policy.limits import Consumption, Demand, Denial, Header, Quota
from pulumi_groq.policy.messages import ORGANISATION_ID, rates_unavailable, store_unavailable
from pulumi_groq.policy.quotas import always_counts, counter_keys_of_money, model_budgets, quotas_of
from pulumi_groq.policy.windows import day_at, window_at

ANY_REQUEST: Final = Demand(model="", tokens=0, cost_micro_usd=0)
"""Stands for a request that was not read."""

NOTHING: Final = Consumption(prompt_tokens=0, cached_tokens=0, completion_tokens=0, cost_micro_usd=0)

_UNAVAILABLE: Final = (CountersUnavailableError, StoreUnavailableError, FencedError)
"""Counters that cannot be asked: shared rates, or shared money."""

_log = logging.getLogger(__name__)


def _unavailable(failure: Exception) -> Denial:
    return rates_unavailable() if isinstance(failure, CountersUnavailableError) else store_unavailable()


class RequestMetering:
    """Implements `metering.protocol.Holding`. All of it belongs to the event loop."""

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
        money: SharedMoney | None = None,
        organisation_id: str = ORGANISATION_ID,
    ) -> None:
        self._counters = counters
        self._ledger = ledger
        self._guard = guard
        self._directory = directory
        self._clock = clock
        self._events = events
        self._health = health
        self._organisation_id = organisation_id
        self._reservation_ttl_s = reservation_ttl_s
        self._money = money
        self._open = OpenReservations()
        self._holds: dict[str, Hold] = {}
        self._limits = CompiledLimitsByKey(counters)

    @property
    def open_reservations(self) -> int:
        """How many requests hold a reservation."""
        return len(self._open)

    def uses(self) -> Iterator[tuple[str, float]]:
        """The keys of the requests in flight, and when each was admitted (Unix seconds)."""
        return self._open.uses()

    def open_admissions(self) -> bytes:
        """The journal lines of the requests in flight."""
        return self._open.lines()

    async def turns_away(self, key: KeyAccess) -> Denial | None:
        """The denial of any further request right now: the key is paused, its requests are used up, or as
        many run as may. Takes nothing.
        """
        now_s = self._clock.now_s()
        paused = self.paused(key)
        if paused is not None:
            return self._denied(paused, key, ANY_REQUEST, now_s)
        limits = self._limits.find(key, self._directory.organisation, None, now_s)
        limits = limits or await self._made(key, None, now_s)
        try:
            position, levels, _ = await limits.counters.full(now_s)
        except CountersUnavailableError:
            return self._denied(rates_unavailable(), key, ANY_REQUEST, now_s)
        if position is None:
            return None
        denial = denial_of(ANY_REQUEST, limits.quotas, position, levels, (), self._organisation_id)
        return self._denied(denial, key, ANY_REQUEST, now_s, limits.rate_headers.at(levels))

    async def admit(self, key: KeyAccess, demand: Demand, request_id: str) -> Reservation | Denial:
        """As `Metering.admit` says."""
        now_s = self._clock.now_s()
        closed = self.paused(key) or (store_unavailable() if self._ledger.is_behind else None)
        if closed is not None:
            return self._denied(closed, key, demand, now_s)
        model = demand.model if demand.cost_by_model is None else None
        limits = self._limits.find(key, self._directory.organisation, model, now_s)
        limits = limits or await self._made(key, model, now_s)
        if now_s >= self._open.next_expiry_s:
            await self._expire(now_s)
        counters = limits.counters
        expires_s = now_s + self._reservation_ttl_s
        try:
            position, levels, reserved = await counters.take(demand, now_s, request_id, expires_s)
        except _UNAVAILABLE as failure:
            return self._denied(_unavailable(failure), key, demand, now_s)
        headers = limits.rate_headers.at(levels)
        if position is not None:
            denial = denial_of(demand, limits.quotas, position, levels, reserved, self._organisation_id)
            self._note_cap(denial, limits, demand)
            return self._denied(denial, key, demand, now_s, headers)
        parts: Sequence[Part] | Denial = ()
        if demand.cost_by_model is not None:
            parts = await self._take_by_model(key, demand, request_id, now_s)
        if isinstance(parts, Denial):
            await counters.settle(demand, request_id, tokens=0, cost_micro_usd=0, now_s=now_s)
            return self._denied(parts, key, demand, now_s, headers)
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
            for part in parts:
                await part.settle(request_id, 0, now_s)
            return self._denied(store_unavailable(), key, demand, now_s, headers)
        reservation = Reservation(
            admission, demand, counters, line, headers, expires_s, limits.quotas, current_task()
        )
        self._open.add(reservation, parts)
        return reservation

    async def settle(self, reservation: Reservation, consumption: Consumption | None, status: int) -> None:
        """Book what was used; `None` means that nothing was generated. A second settle does nothing."""
        parts = self._open.remove(reservation)
        if parts is None:
            return
        used = consumption or NOTHING
        now_s = self._clock.now_s()
        request_id = reservation.admission.request_id
        settlement = Settlement(
            request_id,
            "settled",
            status,
            used.prompt_tokens,
            used.cached_tokens,
            used.completion_tokens,
            used.cost_micro_usd,
            now_s,
        )
        charged = self._ledger.settle(LedgerRow(reservation.admission, settlement))
        demand, cost = reservation.demand, charged.cost_micro_usd
        tokens = used.tokens if charged is settlement else demand.tokens
        await reservation.counters.settle(demand, request_id, tokens=tokens, cost_micro_usd=cost, now_s=now_s)
        for part in parts:
            await part.settle(request_id, cost if part.model in (None, demand.model) else 0, now_s)

    def moves(self, reservation: Reservation) -> Callable[[Connection], None]:
        """As `Holding.moves` says."""
        money, amounts = self._money, self._open.held_by(reservation)

        def move(connection: Connection) -> None:
            if money is not None:
                money.move(connection, reservation.id, amounts)

        return move

    async def keep(self, reservation: Reservation, status: int) -> Hold:
        """Hold on to the reservation's money; the request itself is over and cost nothing."""
        admission, demand = reservation.admission, reservation.demand
        hold = Hold(reservation.id, admission.lineage_id, admission.team, admission.started_s, demand)
        amounts = self._open.held_by(reservation)
        parts = self._open.remove(reservation)
        if parts is None:
            return hold
        now_s = self._clock.now_s()
        over = Settlement(reservation.id, "settled", status, 0, 0, 0, 0, now_s)
        self._ledger.settle(LedgerRow(admission, over))
        self._holds[hold.id] = hold
        if self._money is not None:
            self._money.moved(amounts)
            for part in parts:
                await part.settle(hold.id, 0, now_s)
        else:
            for part in parts:
                if part.is_run:
                    await part.settle(hold.id, 0, now_s)
                else:
                    hold.parts.append(part)
            for quota in reservation.quotas:
                if quota.unit == "micro_usd":
                    await self._hold_in(quota, [hold], now_s)
        await reservation.counters.settle(demand, hold.id, tokens=0, cost_micro_usd=0, now_s=now_s)
        return hold

    async def not_moved(self, reservation: Reservation) -> None:
        """As `Holding.not_moved` says."""
        if self._money is None:
            await self.settle(reservation, None, 503)
        else:  # whether it was moved is not known: nobody spends it before this process ends
            self._holds.pop((await self.keep(reservation, 503)).id, None)

    def book(self, connection: Connection, hold_id: str, rows: Sequence[LedgerRow]) -> None:
        """As `Holding.book` says."""
        records = [row.record() for row in rows]
        insert_rows(connection, records)
        if self._money is not None:
            self._money.settle_hold(connection, hold_id, records)

    def hold(self, hold: Hold) -> None:
        """Reserve again what was held when the last process ended: in each total once that is opened."""
        self._holds[hold.id] = hold

    async def release(self, hold: Hold | None, rows: Sequence[LedgerRow]) -> None:
        """Give back what is held, if anything is, and count `rows`, which the ledger has, instead."""
        month = window_at("month", self._clock.now_s())
        for row in rows:
            # Of this month the next look at what all gateways have booked brings them, where several do.
            if self._money is None or not month.holds(row.admission.started_s):
                self._ledger.usage.add(row)
        if hold is None:
            return
        self._holds.pop(hold.id, None)
        cost_by_model: Counter[str | None] = Counter()
        for row in rows:
            cost_by_model[row.admission.model] += row.settlement.cost_micro_usd
        cost_by_model[None] = cost_by_model.total()
        now_s = self._clock.now_s()
        for part in hold.parts:
            await part.settle(hold.id, cost_by_model[part.model], now_s)

    async def correct(self, kept: KeptAside) -> None:
        """Count what an operator has decided of a set-aside request, in the place of what it was charged."""
        record = charged_record(kept.what)
        more = kept.counts_micro_usd - record.cost_micro_usd
        self._ledger.usage.correct(record, more)
        started_s = record.started_us / 1_000_000
        for key in counter_keys_of_money(record.lineage_id, record.team, record.model, started_s):
            self._counters.correct(key, more)

    async def expire(self) -> None:
        """Settle what has expired: tokens free, money as reserved; forget the keys that are not used, and sum
        up what was spent.
        """
        now_s = self._clock.now_s()
        await self._expire(now_s)
        self._limits.forget_idle(now_s)
        self._ledger.usage.settled.sum_up()

    async def _expire(self, now_s: float) -> None:
        for reservation, parts in self._open.expired(now_s):
            _log.warning("request %s was never settled and costs what it reserved", reservation.id)
            self._events.reservation_expired()
            self._ledger.settle(charged_as_reserved(reservation.admission, "expired", now_s))
            demand = reservation.demand
            await reservation.counters.settle(
                demand, reservation.id, tokens=0, cost_micro_usd=demand.cost_micro_usd, now_s=now_s
            )
            for part in parts:
                await part.settle(reservation.id, part.demand.cost_micro_usd, now_s)

    def paused(self, key: KeyAccess) -> Denial | None:
        """As `Holding.paused` says."""
        if key.runaway is not None or self._guard.is_in_use:
            return self._guard.turns_away(key)
        return None

    async def _made(self, key: KeyAccess, model: str | None, now_s: float) -> CompiledLimits:
        """The limits in force; what is reserved already counts in the totals that they open."""
        organisation = self._directory.organisation
        quotas = quotas_of(key, organisation, now_s, model)
        opened = self._not_held(quotas)
        limits = self._limits.make(key, organisation, model, quotas, now_s)
        await self._hold_in_opened(opened, now_s)
        return limits

    async def _take_by_model(
        self, key: KeyAccess, demand: Demand, request_id: str, now_s: float
    ) -> list[Part] | Denial:
        """What was taken of the budgets of each of the models, where the key has any; all of them or none."""
        parts: list[Part] = []
        for model, cost in (demand.cost_by_model or {}).items():
            quotas = model_budgets(key, model, now_s)
            if not quotas:
                continue
            opened = self._not_held(quotas)
            keys = [quota.counter_key for quota in quotas]
            part = Part(self._counters.counter_set(quotas, now_s), Demand(model, 0, cost), model, keys)
            await self._hold_in_opened(opened, now_s)
            try:
                position, levels, reserved = await part.counters.take(
                    part.demand, now_s, request_id, now_s + self._reservation_ttl_s
                )
            except _UNAVAILABLE as failure:
                denial = _unavailable(failure)
            else:
                if position is None:
                    parts.append(part)
                    continue
                denial = denial_of(part.demand, quotas, position, levels, reserved, self._organisation_id)
            for each in parts:
                await each.settle(request_id, 0, now_s)
            return denial
        return parts

    def _not_held(self, quotas: Sequence[Quota]) -> list[Quota]:
        return [
            quota
            for quota in quotas
            if quota.unit in ("micro_usd", "running") and not self._counters.holds(quota)
        ]

    async def _hold_in_opened(self, opened: Sequence[Quota], now_s: float) -> None:
        """In totals that were opened just now: what is reserved in their windows already, and in counts of
        running requests those that run.
        """
        for quota in opened:
            if quota.unit == "running":
                running = self._open.admitted_since(-inf)
                covered = [each for each in running if quota.scope.covers(each.lineage_id, each.team)]
                await self._hold_in(quota, covered, now_s)
            elif quota.window is not None:  # pragma: no branch  (else it is money, and of a window)
                # What always counts is open as long as a request of it is.
                requests = () if always_counts(quota) else self._open.admitted_since(quota.window.from_s)
                within = [
                    each
                    for each in chain(self._holds.values(), requests)
                    if quota.window.holds(each.started_s) and quota.scope.covers(each.lineage_id, each.team)
                ]
                await self._hold_in(quota, within, now_s)

    async def _hold_in(self, quota: Quota, holds: Sequence[Hold], now_s: float) -> None:
        counters = self._counters.counter_set([replace(quota, ceiling=None)], now_s)
        model = quota.scope.model
        for hold in holds:
            cost = hold.demand.cost_micro_usd if model is None else hold.demand.cost_of(model)
            if cost or quota.unit == "running":
                part = Part(
                    counters, Demand(hold.demand.model, 0, cost), model, is_run=quota.unit == "running"
                )
                await counters.take(part.demand, now_s, hold.id, now_s + self._reservation_ttl_s)
                hold.parts.append(part)

    def _note_cap(self, denial: Denial, limits: CompiledLimits, demand: Demand) -> None:
        """Not where only running requests stand in the way: they will give most of it back. Nor for a request
        above the whole cap, which says nothing of the month.
        """
        of_month = limits.quotas[0]
        if denial.reason == "cap" and of_month.window and demand.cost_micro_usd <= (of_month.ceiling or 0):
            self._ledger.usage.cap_refused(of_month.window.label, of_month.ceiling or 0)

    def _denied(
        self, denial: Denial, key: KeyAccess, demand: Demand, now_s: float, headers: tuple[Header, ...] = ()
    ) -> Denial:
        self._ledger.deny(DeniedRequests(day_at(now_s), key.key_id, demand.model, denial.reason))
        return denial._replace(headers=headers)
