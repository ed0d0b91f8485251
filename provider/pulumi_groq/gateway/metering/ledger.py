"""The ledger: every admitted request becomes one row, written in batches, off the hot path.

What survives what:

- A killed process (kill -9 included) loses no settled spend. Admission and settlement are lines of the
  journal before the caller goes on; at the next start the journal is read into the ledger.
- A request in flight when the process ends costs its reservation (outcome `interrupted`). So the books can
  exceed the truth by the worst cases of the requests in flight, and by no more.
- A power cut may lose what was settled since the last write of the ledger (`UPKEEP_PERIOD_S`, 0.25 s, plus
  the write itself); the store syncs each of its commits.
- When the store does not take writes, rows wait in memory and in the journal. With too many of them
  waiting, with a damaged store, or without space on the disk for what is in flight, new requests are refused
  (503 `store_unavailable`): spending fails closed.
- A row that the store refuses is set aside in the store, and counts as spent until an operator books or drops
  it. It holds up no other row.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

from pulumi_groq.gateway.health import Health
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.journal import (
    LARGEST_COST_MICRO_USD,
    Admission,
    Journal,
    LedgerRow,
    Settlement,
    admission_line,
    fault_of,
    settlement_line,
)
from pulumi_groq.gateway.metering.ledger_writer import Batch, LedgerWriter, Written, aside_of, charged
from pulumi_groq.gateway.metering.recent_spend import RecentSpend
from pulumi_groq.gateway.metering.usage import UsageInMemory
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.disk_space import NO_SPACE, DiskReserve
from pulumi_groq.gateway.store.errors import StoreDamagedError, StoreFullError
from pulumi_groq.gateway.store.ledger import DeniedRequests
from pulumi_groq.gateway.store.set_aside import KeptAside, SetAside

JOURNAL: Final = "journal"
DISK_RESERVE: Final = "disk reserve"
MOST_KINDS_OF_DENIAL: Final = 10_000
"""Distinct (day, key, model, reason) counted between two writes; further kinds are not counted then."""

Booked = Callable[[Collection[str], Mapping[str, int], Collection[str]], None]
"""Told which requests were written, what of grants that took, and which of them had been written before."""

_NOTHING: Final = Batch((), (), {})


class Place(Protocol):
    """What the process has of the store."""

    @property
    def is_ours(self) -> bool:
        """Whether what is in memory may be acted by. Does not wait."""
        ...


_log = logging.getLogger(__name__)


class Ledger:
    """Books reservations and settlements. All but `usage` belongs to the event loop.

    With more than `most_waiting_rows` not in the store, or a disk or store that cannot take what would be
    spent, `is_behind` says that nothing more may be spent. `recovered` is what the last run left and the
    store has not taken; the journal's segments up to `recovered_segment` hold it.
    `set_aside` is how many rows are. `booked` is told of each write, where money is shared.
    """

    def __init__(
        self,
        *,
        writer: LedgerWriter,
        journal: Journal,
        reserve: DiskReserve,
        place: Place,
        usage: UsageInMemory,
        clock: Clock,
        events: MeteringEvents,
        health: Health,
        recent: RecentSpend,
        most_waiting_rows: int,
        recovered: Batch,
        recovered_segment: int | None,
        set_aside: int,
        booked: Booked | None = None,
    ) -> None:
        self.usage = usage
        self.set_aside = set_aside
        self._recent = recent
        self._writer = writer
        self._journal = journal
        self._reserve = reserve
        self._place = place
        self._clock = clock
        self._events = events
        self._health = health
        self._most_waiting_rows = most_waiting_rows
        self._waiting: list[LedgerRow] = list(recovered.rows)
        self._waiting_aside: list[SetAside] = list(recovered.set_aside)
        self._denials: Counter[DeniedRequests] = Counter()
        self._finished_segment = recovered_segment
        self._may_be_written = recovered_segment is not None
        self._store_is_damaged = False
        self._in_flight = 0
        self._booked = booked
        self._writing = _NOTHING

    @property
    def waiting_rows(self) -> int:
        """How many rows are not in the store yet."""
        return len(self._waiting)

    @property
    def unwritten(self) -> tuple[Sequence[LedgerRow], Sequence[SetAside]]:
        """What may not be in the store yet."""
        rows, set_aside, _ = self._writing
        return [*rows, *self._waiting], [*set_aside, *self._waiting_aside]

    @property
    def is_behind(self) -> bool:
        """Whether nothing more may be spent: too much waits for the store, too little space is left, or
        another gateway may be using the store.
        """
        return (
            len(self._waiting) > self._most_waiting_rows
            or self._store_is_damaged
            or not self._reserve.is_held
            or not self._place.is_ours
        )

    def reserve(self, admission: Admission) -> bytes:
        """Book an admitted request; gives its line of the journal.

        Raises `OSError`, and `OverflowError` for a cost that no row can hold: not booked.
        """
        if not 0 <= admission.cost_micro_usd <= LARGEST_COST_MICRO_USD:
            raise OverflowError(f"{admission.cost_micro_usd} micro-USD cannot be booked as one request")
        line = admission_line(admission)
        self._journal.write(line, self._in_flight + 1)
        self._in_flight += 1
        self.usage.used(admission.key_id, admission.started_s)
        return line

    def settle(self, row: LedgerRow) -> Settlement:
        """Book a request that is over; gives the settlement that counts, which costs what was reserved where
        the given one cannot be believed. On disk when this returns, unless the disk fails.
        """
        self._in_flight -= 1
        fault = fault_of(row.settlement)
        if fault is None:
            self._waiting.append(row)
        else:
            aside = aside_of(charged(row), fault, content=repr(row))
            row = charged(row)
            self._waiting_aside.append(aside)
            self._tell_of([aside])
        try:
            self._journal.write(settlement_line(row.settlement))
        except OSError as failure:
            # The row still goes to the store; only a crash before that would charge the reservation.
            self._health.failed(JOURNAL, failure)
            self._events.ledger_failed()
        self.usage.add(row)
        if row.admission.lineage_id in self._recent.watched:
            self._recent.add(
                row.admission.lineage_id, row.settlement.settled_s, row.settlement.cost_micro_usd
            )
        return row.settlement

    def deny(self, denied: DeniedRequests) -> None:
        """Count a refused request."""
        if denied in self._denials or len(self._denials) < MOST_KINDS_OF_DENIAL:
            self._denials[denied] += 1

    def keep_space(self) -> None:
        """Secure the disk space without which nothing may be spent. A failure goes to `health`."""
        with self._health.watched(JOURNAL):
            self._journal.ensure_space(self._in_flight)
        with self._health.watched(DISK_RESERVE):
            self._reserve.hold()

    async def flush(self, open_admissions: Callable[[], bytes]) -> None:
        """Write what waits to the store. What it does not take is tried again by the next flush.

        `open_admissions` gives the journal lines of the requests in flight. One flush at a time.
        Raises `StoreUnavailableError`, or any other error; nothing is lost by it.
        """
        if not self._waiting and not self._denials and not self._waiting_aside:
            return
        batch = Batch(self._waiting, self._waiting_aside, self._denials)
        self._waiting, self._waiting_aside, self._denials = [], [], Counter()
        self._writing = batch
        self._turn_journal(open_admissions)
        try:
            written = await self._written(batch)
        except BaseException as failure:
            self._waiting = [*batch.rows, *self._waiting]
            self._waiting_aside = [*batch.set_aside, *self._waiting_aside]
            self._denials = Counter(batch.denials) + self._denials
            self._writing = _NOTHING
            self._may_be_written = True
            self._store_is_damaged = isinstance(failure, StoreDamagedError)
            self._events.ledger_failed()
            raise
        self._may_be_written = False
        self._store_is_damaged = False
        self._writing = _NOTHING
        self._tell_booked(batch, written)
        self.set_aside += len(batch.set_aside) + len(written.refused)
        self._tell_of(written.refused)
        self._events.ledger_written(len(batch.rows) - len(written.refused))
        if self._finished_segment is not None:
            self._journal.drop(self._finished_segment)
            self._finished_segment = None

    async def book_decided(self) -> list[KeptAside]:
        """What operators have decided of the rows set aside, booked or dropped now. Raises as `flush`."""
        if not self.set_aside:
            return []
        decided = await asyncio.to_thread(self._writer.book_decided)
        self.set_aside -= len(decided)
        for kept in decided:
            _log.warning("set-aside row %d was %s", kept.id, "booked" if kept.is_booked else "dropped")
        return decided

    def close(self) -> None:
        """Write no more. What is not in the store is in the journal, for the next start."""
        self._journal.close()

    def _tell_booked(self, batch: Batch, written: Written) -> None:
        if self._booked is not None:
            ids = [row.admission.request_id for row in batch.rows]
            ids += [each.request_id for each in batch.set_aside if each.request_id is not None]
            self._booked(ids, written.taken, written.before)

    async def _written(self, batch: Batch) -> Written:
        now, may_be_written = self._clock.now(), self._may_be_written

        def write(*, may_be_written: bool) -> Written:
            return self._writer.write(batch, now, may_be_written=may_be_written)

        try:
            return await asyncio.to_thread(write, may_be_written=may_be_written)
        except StoreFullError as full:
            if not self._reserve.is_held:
                raise
            self._use_reserve(full)
            return await asyncio.to_thread(write, may_be_written=True)

    def _tell_of(self, set_aside: Sequence[SetAside]) -> None:
        for aside in set_aside:
            self._events.set_aside()
            _log.error(
                "request %s could not be booked and is set aside, charged %d micro-USD until it is booked or "
                "dropped with `pulumi-groq ledger`: %s",
                aside.request_id,
                aside.charged_micro_usd,
                aside.reason,
            )

    def _turn_journal(self, open_admissions: Callable[[], bytes]) -> None:
        if not self._journal.is_full:
            return
        try:
            self._finished_segment = self._journal.turn(open_admissions())
        except OSError as failure:
            if failure.errno not in NO_SPACE:
                self._health.failed(JOURNAL, failure)
                self._events.ledger_failed()
            else:
                self._use_reserve(failure)

    def _use_reserve(self, failure: Exception) -> None:
        """Nothing more is admitted from here on, so what is given back is for what was acknowledged."""
        self._health.failed(DISK_RESERVE, failure)
        self._reserve.release()
