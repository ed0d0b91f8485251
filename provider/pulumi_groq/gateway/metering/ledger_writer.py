"""Writes the ledger into the store in batches; a row that the store refuses is found and set aside."""

import zlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol, TypeVar

from pulumi_groq.gateway.metering.journal import (
    LARGEST_COST_MICRO_USD,
    DamagedLine,
    LedgerRow,
    charged_as_reserved,
    fault_of,
)
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.ledger import (
    DeniedRequests,
    LedgerRecord,
    add_denials,
    drop_rows_before,
    insert_rows,
    known_requests,
    not_yet_written,
    without_copies,
)
from pulumi_groq.gateway.store.recent_spend import add_spend, drop_old_spend
from pulumi_groq.gateway.store.set_aside import (
    KeptAside,
    SetAside,
    close,
    insert_set_aside,
    known_origins,
    read_set_aside,
)
from pulumi_groq.gateway.store.store import Connection, Store

UNKNOWN: Final = "unknown"
"""Key and lineage of spend that cannot be attributed: it counts against the organisation's cap."""

Item = TypeVar("Item")

_LONGEST_CONTENT: Final = 64 * 1024


class Batch(NamedTuple):
    """What is written together."""

    rows: Sequence[LedgerRow]
    set_aside: Sequence[SetAside]
    denials: Mapping[DeniedRequests, int]


class Books(Protocol):
    """Where what is written to the ledger is settled, too, in the same transaction."""

    def book(self, connection: Connection, records: Sequence[LedgerRecord]) -> Mapping[str, int]:
        """Settle requests that are new to the ledger; gives what of this gateway's grants that took."""
        ...

    def correct(self, connection: Connection, record: LedgerRecord, more_micro_usd: int) -> None:
        """Count more, or less, as settled of a request that was settled before."""
        ...


class Written(NamedTuple):
    """What became of a batch: what was set aside instead, beside the batch's own; what was taken of grants,
    by account; the requests that an earlier write had written.
    """

    refused: Sequence[SetAside]
    taken: Mapping[str, int]
    before: Collection[str]


class LedgerWriter:
    """Rows older than `kept` are dropped bit by bit; their daily sums stay. Waits for disk."""

    def __init__(self, store: Store, kept: timedelta, books: Books | None = None) -> None:
        self._store = store
        self._kept = kept
        self._books = books

    def write(self, batch: Batch, now: datetime, *, may_be_written: bool) -> Written:
        """Write a batch. Raises `StoreUnavailableError`: parts of it may be written then, which the next call
        expects.
        """
        records = [row.record() for row in batch.rows]
        try:
            with self._store.write() as connection:
                new = not_yet_written(connection, records) if may_be_written else records
                _insert(connection, new)
                new_aside = self._set_aside(connection, batch.set_aside)
                add_denials(connection, batch.denials)
                drop_rows_before(connection, now - self._kept, at_most=2 * len(records))
                drop_old_spend(connection, now)
                taken = self._booked(connection, [*new, *new_aside])
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001  of one of its values, whatever that is: the parts tell which
            return self._write_in_parts(batch)
        before = {record.request_id for record in records} - {record.request_id for record in new}
        return Written((), taken, before)

    def _write_in_parts(self, batch: Batch) -> Written:
        taken: Counter[str] = Counter()
        before: set[str] = set()

        def insert_new(connection: Connection, rows: Sequence[LedgerRow]) -> Mapping[str, int]:
            # What differs from the ledger's row of its id is not left out, so that it is refused and set
            # aside.
            records = [row.record() for row in rows]
            new = without_copies(connection, records)
            _insert(connection, new)
            before.update({each.request_id for each in records} - {each.request_id for each in new})
            return self._booked(connection, new)

        with self._store.write() as connection:
            taken.update(self._booked(connection, self._set_aside(connection, batch.set_aside)))
        refused = self._in_parts(batch.rows, insert_new, _aside_of_row, taken)
        refused += self._in_parts(list(batch.denials.items()), _add_each, _aside_of_denials, taken)
        return Written(refused, taken, before)

    def _booked(self, connection: Connection, records: Sequence[LedgerRecord]) -> Mapping[str, int]:
        return {} if self._books is None else self._books.book(connection, records)

    @staticmethod
    def _set_aside(connection: Connection, rows: Sequence[SetAside]) -> list[LedgerRecord]:
        """Keep these; gives those that are new as what they are charged."""
        known = known_origins(connection, [row.origin for row in rows])
        insert_set_aside(connection, rows)
        return [charged_record(row) for row in rows if row.origin not in known]

    def news(self, batch: Batch) -> Batch:
        """The batch without what was set aside before, and without what is set aside of requests that the
        ledger holds. Raises `StoreUnavailableError`.
        """
        with self._store.read() as connection:
            origins = [each.origin for each in batch.set_aside]
            origins += [request_origin(row.admission.request_id) for row in batch.rows]
            aside = known_origins(connection, origins)
            ids = [each.request_id for each in batch.set_aside if each.request_id is not None]
            booked = known_requests(connection, ids)
        return Batch(
            [row for row in batch.rows if request_origin(row.admission.request_id) not in aside],
            [each for each in batch.set_aside if each.origin not in aside and each.request_id not in booked],
            batch.denials,
        )

    def book_decided(self) -> list[KeptAside]:
        """Book or drop what operators have decided on, and give it. Raises `StoreUnavailableError`."""
        with self._store.read() as connection:
            if not read_set_aside(connection, decided_only=True):
                return []
        with self._store.write() as connection:
            decided = read_set_aside(connection, decided_only=True)
            for kept in decided:
                charged = charged_record(kept.what)
                if self._books is not None:
                    more = kept.counts_micro_usd - charged.cost_micro_usd
                    self._books.correct(connection, charged, more)
                if kept.is_booked:
                    record = charged._replace(cost_micro_usd=kept.counts_micro_usd)
                    if not not_yet_written(connection, [record]):
                        record = record._replace(request_id=f"set_aside_{kept.id}")
                    insert_rows(connection, [record])
                close(connection, kept.id)
        return decided

    def _in_parts(
        self,
        items: Sequence[Item],
        insert: Callable[[Connection, Sequence[Item]], Mapping[str, int]],
        aside_of: Callable[[Item, str], SetAside],
        taken: Counter[str],
    ) -> list[SetAside]:
        """Write the items, by halves where they are refused; a single one that is refused is set aside. What
        `insert` says is added to `taken` once it is committed.
        """
        if not items:
            return []
        try:
            with self._store.write() as connection:
                of_these = insert(connection, items)
        except StoreUnavailableError:
            raise
        except Exception as failure:  # noqa: BLE001  as above
            if len(items) > 1:
                middle = len(items) // 2
                first = self._in_parts(items[:middle], insert, aside_of, taken)
                return first + self._in_parts(items[middle:], insert, aside_of, taken)
            aside = aside_of(items[0], f"the store refused it: {failure}")
            with self._store.write() as connection:
                of_these = self._booked(connection, self._set_aside(connection, [aside]))
            taken.update(of_these)
            return [aside]
        taken.update(of_these)
        return []


def _insert(connection: Connection, records: Sequence[LedgerRecord]) -> None:
    insert_rows(connection, records)
    add_spend(connection, records)


def _add_each(connection: Connection, denials: Sequence[tuple[DeniedRequests, int]]) -> Mapping[str, int]:
    add_denials(connection, dict(denials))
    return {}


def _aside_of_row(row: LedgerRow, reason: str) -> SetAside:
    return aside_of(charged(row), reason, content=repr(row))


def _aside_of_denials(denials: tuple[DeniedRequests, int], reason: str) -> SetAside:
    content = repr(denials).encode("utf-8", "replace")
    return SetAside(
        f"denials:{zlib.crc32(content)}", reason[:200], content, None, None, None, None, None, 0, 0
    )


def charged(row: LedgerRow) -> LedgerRow:
    """The row as it counts: as reserved where its settlement cannot be believed."""
    admission, settlement = row
    if fault_of(settlement) is None:
        return row
    return charged_as_reserved(admission, "settled", admission.started_s)


def request_origin(request_id: object) -> str:
    """What identifies a set-aside request."""
    return f"request:{_text(request_id, 100)}"


def aside_of(row: LedgerRow, reason: str, content: str) -> SetAside:
    """What is known of a request that cannot be booked, in values that any store takes."""
    admission, settlement = row
    cost, started_s = settlement.cost_micro_usd, admission.started_s
    is_sound = fault_of(admission) is None
    return SetAside(
        origin=request_origin(admission.request_id),
        reason=_text(reason, 200) or "",
        content=content.encode("utf-8", "backslashreplace")[:_LONGEST_CONTENT],
        request_id=_text(admission.request_id, 64),
        key_id=_text(admission.key_id, 64),
        lineage_id=_text(admission.lineage_id, 64),
        team=_text(admission.team, 128),
        model=_text(admission.model, 200),
        started_us=round(started_s * 1_000_000) if is_sound else 0,
        charged_micro_usd=min(max(cost, 0), LARGEST_COST_MICRO_USD) if is_sound else 0,
    )


def aside_of_line(line: DamagedLine, now: datetime) -> SetAside:
    """A line of the journal about which nothing is known."""
    return SetAside(
        origin=f"{line.segment}:{line.offset}:{zlib.crc32(line.content):08x}",
        reason=f"line at byte {line.offset} of {line.segment}: {line.reason}",
        content=line.content[:_LONGEST_CONTENT],
        request_id=None,
        key_id=None,
        lineage_id=None,
        team=None,
        model=None,
        started_us=round(now.timestamp() * 1_000_000),
        charged_micro_usd=0,
    )


def records_beside(rows: Sequence[LedgerRow], set_aside: Sequence[SetAside]) -> list[LedgerRecord]:
    """Rows and set-aside ones as what they count for, which the store's sums do not hold."""
    return [row.record() for row in rows] + [charged_record(each) for each in set_aside]


def _text(value: object, longest: int) -> str | None:
    if value is None:
        return None
    text = str(value).replace("\0", "\\x00")  # PostgreSQL's text holds any character but this one
    return text.encode("utf-8", "backslashreplace").decode()[:longest]


def charged_record(what: SetAside) -> LedgerRecord:
    """A set-aside request as a row of the ledger, at the cost that it is charged."""
    return LedgerRecord(
        request_id=what.request_id or what.origin[:64],
        key_id=what.key_id or UNKNOWN,
        lineage_id=what.lineage_id or UNKNOWN,
        team=what.team,
        model=what.model or UNKNOWN,
        outcome="set_aside",
        status=0,
        prompt_tokens=0,
        cached_tokens=0,
        completion_tokens=0,
        cost_micro_usd=what.charged_micro_usd,
        started_us=what.started_us,
        settled_us=what.started_us,
    )
