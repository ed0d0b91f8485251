"""The ledger: every admitted request becomes one row, written in batches, off the hot path.

What survives what:

- A killed process (kill -9 included) loses no settled spend. Reservation and settlement are lines of the
  journal before the caller goes on; at the next start the journal is read into the ledger.
- A request in flight when the process ends costs its reservation (outcome `interrupted`). This is all that
  the books can exceed the truth by: the worst cases of the requests in flight.
- A power cut may lose what was settled since the last write of the ledger (`UPKEEP_PERIOD_S`, 0.25 s, plus
  the write itself); the store syncs each of its commits.
- When the store does not take writes, rows wait in memory and in the journal. With too many of them
  waiting, new requests are refused (503 `store_unavailable`): spending fails closed.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from pulumi_groq.gateway.metering.entries import (
    LedgerRow,
    Reservation,
    Settlement,
    charged_as_reserved,
    reservation_line,
    settlement_line,
)
from pulumi_groq.gateway.metering.events import MeteringEvents
from pulumi_groq.gateway.metering.journal import Journal
from pulumi_groq.gateway.metering.usage_totals import UsageInMemory
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.errors import RowRefusedError, StoreUnavailableError
from pulumi_groq.gateway.store.ledger import (
    DeniedRequests,
    add_denials,
    drop_rows_before,
    insert_rows,
    not_yet_written,
)
from pulumi_groq.gateway.store.store import Store

MOST_KINDS_OF_DENIAL: Final = 10_000
"""Distinct (day, key, model, reason) counted between two writes; a newer kind is not counted then."""

_log = logging.getLogger(__name__)


class Ledger:
    """Books reservations and settlements. All but `usage` belongs to the event loop.

    Rows older than `kept_days` are dropped bit by bit; their daily sums stay for ever. With more than
    `most_waiting_rows` not in the store, `is_behind` tells to spend no more.
    """

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        usage: UsageInMemory,
        clock: Clock,
        events: MeteringEvents,
        kept_days: int,
        most_waiting_rows: int,
    ) -> None:
        self.usage = usage
        self._store = store
        self._journal = journal
        self._clock = clock
        self._events = events
        self._kept = timedelta(days=kept_days)
        self._most_waiting_rows = most_waiting_rows
        self._waiting: list[LedgerRow] = []
        self._denials: Counter[DeniedRequests] = Counter()
        self._finished_segment: int | None = None
        self._may_be_written = False

    @property
    def waiting_rows(self) -> int:
        """How many rows are not in the store yet."""
        return len(self._waiting)

    @property
    def is_behind(self) -> bool:
        """Whether so much waits for the store that nothing more may be spent."""
        return len(self._waiting) > self._most_waiting_rows

    def reserve(self, reservation: Reservation) -> bytes:
        """Book an admitted request; gives its line of the journal. Raises `OSError`: not booked."""
        line = reservation_line(reservation)
        self._journal.write(line)
        self.usage.used(reservation.key_id, reservation.started_s)
        return line

    def settle(self, row: LedgerRow) -> None:
        """Book a request that is over. On disk when this returns, unless the disk is full."""
        try:
            self._journal.write(settlement_line(row.settlement))
        except OSError as failure:
            # The row still goes to the store; only a crash before that would charge the reservation.
            _log.error("the journal did not take a settlement: %s", failure)
            self._events.ledger_failed()
        self.usage.add(row)
        self._waiting.append(row)

    def deny(self, denied: DeniedRequests) -> None:
        """Count a refused request."""
        if denied in self._denials or len(self._denials) < MOST_KINDS_OF_DENIAL:
            self._denials[denied] += 1

    async def flush(self, open_reservations: Callable[[], bytes]) -> None:
        """Write what waits to the store. What it does not take is tried again by the next flush.

        `open_reservations` gives the journal lines of the requests in flight. One flush at a time.
        """
        if not self._waiting and not self._denials:
            return
        rows, self._waiting = self._waiting, []
        denials, self._denials = self._denials, Counter()
        self._turn_journal(open_reservations)
        try:
            await asyncio.to_thread(self._write, rows, denials, self._may_be_written)
        except (StoreUnavailableError, RowRefusedError) as failure:
            _log.error("the store did not take %d rows of the ledger, will try again: %s", len(rows), failure)
            self._waiting = rows + self._waiting
            self._denials = denials + self._denials
            self._may_be_written = True
            self._events.ledger_failed()
            return
        self._may_be_written = False
        self._events.ledger_written(len(rows))
        if self._finished_segment is not None:
            self._journal.drop(self._finished_segment)
            self._finished_segment = None

    def close(self) -> None:
        """Write no more. What is not in the store is in the journal, for the next start."""
        self._journal.close()

    def _turn_journal(self, open_reservations: Callable[[], bytes]) -> None:
        if not self._journal.is_full:
            return
        try:
            self._finished_segment = self._journal.turn(open_reservations())
        except OSError as failure:
            _log.error("%s", failure)
            self._events.ledger_failed()

    def _write(
        self, rows: list[LedgerRow], denials: Mapping[DeniedRequests, int], may_be_written: bool
    ) -> None:
        records = [row.record() for row in rows]
        with self._store.write() as connection:
            insert_rows(connection, not_yet_written(connection, records) if may_be_written else records)
            add_denials(connection, denials)
            drop_rows_before(connection, self._clock.now() - self._kept, at_most=2 * len(rows))


def recover(store: Store, journal: Journal, now: datetime) -> int:
    """Bring what the journal holds into the ledger and begin a new segment; gives the rows added.

    A reservation without a settlement was in flight when the process ended: it costs what it held.
    Safe to repeat: requests that the ledger knows are left as they are. Raises
    `StoreUnavailableError` and `OSError`.
    """
    reservations: dict[str, Reservation] = {}
    settlements: dict[str, Settlement] = {}
    for entry in journal.read():
        if isinstance(entry, Reservation):
            reservations[entry.request_id] = entry
        else:
            settlements[entry.request_id] = entry
    rows = [
        LedgerRow(reservation, settlements[request_id])
        if request_id in settlements
        else charged_as_reserved(reservation, "interrupted", now.timestamp())
        for request_id, reservation in reservations.items()
    ]
    with store.write() as connection:
        missing = not_yet_written(connection, [row.record() for row in rows])
        insert_rows(connection, missing)
    journal.drop(journal.open() - 1)
    return len(missing)
