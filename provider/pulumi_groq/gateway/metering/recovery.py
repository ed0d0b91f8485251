"""Books what the last run left in its journal, whatever that is."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pulumi_groq.gateway.metering.journal import (
    LARGEST_COST_MICRO_USD,
    SEGMENT_BYTES,
    Admission,
    DamagedLine,
    Journal,
    LedgerRow,
    Settlement,
    charged_as_reserved,
    fault_of,
)
from pulumi_groq.gateway.metering.ledger_writer import (
    Batch,
    Books,
    LedgerWriter,
    aside_of,
    aside_of_line,
    charged,
)
from pulumi_groq.gateway.store.batches import batch_request_ids
from pulumi_groq.gateway.store.disk_space import NO_SPACE
from pulumi_groq.gateway.store.errors import StoreFullError, StoreOpenError
from pulumi_groq.gateway.store.set_aside import SetAside
from pulumi_groq.gateway.store.store import Store

_log = logging.getLogger(__name__)


class Recovered(NamedTuple):
    """What was found: `rows` requests, lines that are `damaged`, or `cut_off` at the end.

    `set_aside` was set aside. On a full disk `waiting` is what the store did not take, and the journal's
    segments up to `waiting_segment` hold it.
    """

    rows: int
    damaged: int
    cut_off: int
    set_aside: int
    waiting: Batch = Batch((), (), {})
    waiting_segment: int | None = None


class _Found:
    """The journal's lines, sorted by what they are."""

    def __init__(self, journal: Journal, now: datetime, held: Collection[str]) -> None:
        self.admissions: dict[str, Admission] = {}
        self.settlements: dict[str, Settlement] = {}
        self.set_aside: list[SetAside] = []
        self.damaged = 0
        self.cut_off = 0
        self._now = now
        self._held = held
        for entry in journal.read():
            if isinstance(entry, DamagedLine):
                self._damaged(entry)
            elif isinstance(entry, Admission):
                self._reserved(entry)
            else:
                self._settled(entry)

    def rows(self) -> list[LedgerRow]:
        """A row for each admission: one without a settlement was in flight, and costs what it held."""
        rows: list[LedgerRow] = []
        for request_id, admission in self.admissions.items():
            settlement = self.settlements.pop(request_id, None)
            if settlement is None and request_id in self._held:
                rows.append(LedgerRow(admission, _held_elsewhere(request_id, self._now)))
            elif settlement is None:
                rows.append(charged_as_reserved(admission, "interrupted", self._now.timestamp()))
            else:
                self._over(LedgerRow(admission, settlement), rows)
        self.set_aside += [self._orphan(settlement) for settlement in self.settlements.values()]
        return rows

    def _over(self, row: LedgerRow, rows: list[LedgerRow]) -> None:
        fault = fault_of(row.settlement)
        if fault is None:
            rows.append(row)
        else:
            self.set_aside.append(aside_of(charged(row), fault, content=repr(row)))

    def _damaged(self, line: DamagedLine) -> None:
        if line.is_cut_off:
            self.cut_off += 1
            _log.info("the last line of the journal is not whole, as a crash leaves it: %s", line.segment)
            return
        self.damaged += 1
        aside = aside_of_line(line, self._now)
        self.set_aside.append(aside)
        _log.error(
            "a damaged part of the journal is set aside, `pulumi-groq ledger set-aside` shows it: %s",
            aside.reason,
        )

    def _reserved(self, entry: Admission) -> None:
        fault = fault_of(entry)
        if fault is None:
            self.admissions[entry.request_id] = entry
        else:
            self._set_aside(entry, fault, 0)

    def _settled(self, entry: Settlement) -> None:
        if not isinstance(entry.request_id, str):
            self._set_aside(entry, "its request is unknown", 0)
        elif self.settlements.setdefault(entry.request_id, entry) != entry:
            self._set_aside(entry, "its request was settled before, otherwise", 0)

    def _orphan(self, entry: Settlement) -> SetAside:
        fault = fault_of(entry)
        cost = entry.cost_micro_usd if fault is None else 0
        return self._aside(entry, fault or "the line of its reservation is missing", cost)

    def _set_aside(self, entry: Admission | Settlement, fault: str, cost_micro_usd: int) -> None:
        self.damaged += 1
        self.set_aside.append(self._aside(entry, fault, cost_micro_usd))
        _log.error("an entry of the journal is set aside: %s", fault)

    def _aside(self, entry: Admission | Settlement, fault: str, cost_micro_usd: int) -> SetAside:
        content = repr(entry).encode("utf-8", "backslashreplace")
        line = DamagedLine("the journal", 0, content, fault, is_cut_off=False)
        request_id = str(entry.request_id).encode("utf-8", "backslashreplace").decode()[:64]
        return aside_of_line(line, self._now)._replace(
            reason=fault, request_id=request_id, charged_micro_usd=min(cost_micro_usd, LARGEST_COST_MICRO_USD)
        )


def _held_elsewhere(request_id: str, now: datetime) -> Settlement:
    """Of a request whose reservation is kept in the store: it cost nothing itself."""
    return Settlement(request_id, "settled", 0, 0, 0, 0, 0, now.timestamp())


def book_journal(
    store: Store,
    directory: Path,
    now: datetime,
    kept: timedelta,
    segment_bytes: int = SEGMENT_BYTES,
    books: Books | None = None,
) -> tuple[Recovered, Journal]:
    """Book what the last run on `store` left in the journal in `directory`, and begin a new segment of it.

    Reservations of batches go on in the store. `books` settle what is booked, too. Ledger rows older than
    `kept` are dropped bit by bit. Raises as `recover`.
    """
    journal = Journal(directory, segment_bytes)
    with store.read_soundly() as connection:
        held = batch_request_ids(connection)
    return recover(LedgerWriter(store, kept, books), journal, directory, now, held), journal


def recover(
    writer: LedgerWriter, journal: Journal, directory: Path, now: datetime, held: Collection[str] = ()
) -> Recovered:
    """Book what the journal holds and begin a new segment.

    The reservations of the requests `held` are kept in the store, so those cost nothing here.

    Safe to repeat: requests that the ledger knows are left as they are, and nothing is set aside twice. The
    finished segments go before the next one is begun: on a full disk there is no space for both. Raises
    `StoreUnavailableError`, `StoreOpenError` for a file that is no segment, and `OSError`.
    """
    for name in journal.strays():
        raise StoreOpenError(
            f"{directory / name} is no segment of the journal (they are named like 000000000001.jsonl): move "
            "it away, or give it back its name if it is one"
        )
    found = _Found(journal, now, held)
    rows = found.rows()
    batch = writer.news(Batch(rows, found.set_aside, {}))
    recovered = Recovered(len(batch.rows), found.damaged, found.cut_off, len(batch.set_aside))
    try:
        written = writer.write(batch, now, may_be_written=True)
    except StoreFullError as full:
        _log.error("the store cannot take %d requests of the journal yet: %s", len(batch.rows), full)
        recovered = recovered._replace(waiting=batch, waiting_segment=journal.newest)
    else:
        recovered = recovered._replace(set_aside=recovered.set_aside + len(written.refused))
        journal.drop(journal.newest)
    try:
        journal.open()
    except OSError as failure:
        if failure.errno not in NO_SPACE:
            raise
    return recovered
