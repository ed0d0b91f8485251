"""A full disk: nothing acknowledged is lost, nothing more is spent, and it goes on once there is space.

The disk is full as the gateway meets it: no space can be allocated, and SQLite may add no page (its own
`max_page_count`, so the errors are SQLite's). What the reserve gives back, SQLite gets.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from key_factory import MakeKey
from metering_bench import START, Bench, used
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.store.errors import StoreFullError, StoreOpenError
from pulumi_groq.gateway.store.ledger import DeniedRequests, add_denials
from pulumi_groq.gateway.store.schema import ledger
from pulumi_groq.gateway.store.store import open_store
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.limits import Denial

FREED_BY_THE_RESERVE_PAGES = 200


class Disk:
    """The disk below a bench; `gives_back` is whether the reserve's space is there for SQLite, `failure` what
    it says where no space can be allocated.
    """

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bench = bench
        self._reserve = bench.journal_directory.with_name("gateway.db.reserve")
        self._allocate = os.posix_fallocate
        self.is_full = False
        self.gives_back = True
        self.failure = errno.ENOSPC
        self._pages = 0
        monkeypatch.setattr(os, "posix_fallocate", self._posix_fallocate)
        event.listen(bench.store.engine, "begin", self._limit)

    def fill(self) -> None:
        with self._bench.store.read() as connection:
            self._pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        self.is_full = True

    def _posix_fallocate(self, descriptor: int, start: int, count: int) -> None:
        if self.is_full:
            raise OSError(self.failure, os.strerror(self.failure))
        self._allocate(descriptor, start, count)

    def _limit(self, connection: Any) -> None:
        pages = 2**30
        if self.is_full:
            freed = self.gives_back and not self._reserve.exists()
            pages = self._pages + (FREED_BY_THE_RESERVE_PAGES if freed else 0)
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


@pytest.fixture
def disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk with space."""
    return Disk(bench, monkeypatch)


async def spend_until_refused(bench: Bench, service: MeteringService, key: KeyAccess) -> int:
    """Requests of 1 micro-dollar in rounds of 50, until nothing more is admitted; gives how many were."""
    spent = 0
    for _ in range(200):
        for _ in range(50):
            answer = await bench.admit(service, key, 1)
            if isinstance(answer, Denial):
                assert (answer.status, answer.code) == (503, "store_unavailable")
                return spent
            await service.metering.settle(answer, used(1), 200)
            spent += 1
        await service.upkeep()
    raise AssertionError("the disk was never full")


def booked(bench: Bench) -> int:
    with bench.store.read() as connection:
        return len(connection.execute(select(ledger.c.request_id)).all())


async def test_what_was_acknowledged_is_booked_from_the_reserve(
    bench: Bench, make_key: MakeKey, disk: Disk
) -> None:
    """New requests are refused, the reason can be read, all that was spent is in the store; with space again
    it goes on without a restart.
    """
    service = bench.open()
    key = make_key()
    disk.fill()
    spent = await spend_until_refused(bench, service, key)
    assert bench.background.health.failing.keys() == {"disk reserve"}
    assert service.ledger.waiting_rows == 0
    assert booked(bench) == spent > 0

    disk.is_full = False
    await service.upkeep()
    assert bench.background.health.failing == {}
    await bench.spend(service, key, 1)
    await service.upkeep()
    assert booked(bench) == spent + 1


async def test_a_restart_on_the_full_disk_books_what_was_acknowledged(
    bench: Bench, make_key: MakeKey, disk: Disk
) -> None:
    """A killed process had its rows in the journal only; the next one has the reserve for them."""
    service = bench.open()
    for _ in range(300):
        await bench.spend(service, make_key(), 1)
    disk.fill()
    bench.store.reserve.release()  # as `open_store` does
    again = bench.open()

    assert booked(bench) == 300
    assert isinstance(await bench.admit(again, make_key()), Denial)
    assert bench.background.health.failing.keys() == {"disk reserve", "journal"}

    disk.is_full = False
    await again.upkeep()
    assert bench.background.health.failing == {}
    assert isinstance(await bench.admit(again, make_key()), Reservation)
    assert again.usage.month_spend_micro_usd(START) == 300


async def test_a_start_succeeds_where_the_store_takes_nothing_at_all(
    bench: Bench, make_key: MakeKey, disk: Disk
) -> None:
    """What is in the journal counts in memory and stays in the journal until the store takes it."""
    disk.gives_back = False
    bench.cap(1000)
    service = bench.open()
    for _ in range(300):
        await bench.spend(service, make_key(budget=1000), 1)
    disk.fill()
    for _ in range(2):
        again = bench.open()
        assert again.usage.month_spend_micro_usd(START) == 300
        assert again.ledger.waiting_rows == 300
        assert booked(bench) == 0
        assert isinstance(await bench.admit(again, make_key()), Denial)

    disk.is_full = False
    await again.upkeep()
    assert bench.background.health.failing == {}
    assert booked(bench) == 300
    denial = await bench.admit(again, make_key(budget=1000), cost=701)
    assert isinstance(denial, Denial)
    assert denial.reason in {"cap", "budget"}
    assert bench.open().usage.month_spend_micro_usd(START) == 300
    assert len(list(bench.journal_directory.iterdir())) <= 2


async def test_requests_in_flight_are_settled_on_the_full_disk_and_after_a_kill(
    bench: Bench, make_key: MakeKey, disk: Disk
) -> None:
    """Space for their ends was kept when they were admitted."""
    bench.journal_segment_bytes = 4096
    service = bench.open()
    reservations = [await bench.admit(service, make_key(), 100) for _ in range(20)]
    disk.fill()
    for reservation in reservations:
        assert isinstance(reservation, Reservation)
        await service.metering.settle(reservation, used(3), 200)
    assert bench.events.failed == 0
    bench.store.reserve.release()
    assert bench.open().usage.month_spend_micro_usd(START) == 60


async def test_a_journal_that_has_no_space_to_turn_goes_on_and_turns_later(
    bench: Bench, make_key: MakeKey, disk: Disk
) -> None:
    """No line is lost with it, and the former segments go once there is a new one."""
    bench.journal_segment_bytes = 4096
    service = bench.open()
    in_flight = await bench.admit(service, make_key(), 100)
    assert isinstance(in_flight, Reservation)
    disk.fill()
    spent = await spend_until_refused(bench, service, make_key())
    disk.is_full = False
    for _ in range(3):
        for _ in range(30):
            await bench.spend(service, make_key(), 1)
            spent += 1
        await service.upkeep()
    assert bench.background.health.failing == {}
    assert len(list(bench.journal_directory.iterdir())) == 1
    assert bench.open().usage.month_spend_micro_usd(START) == spent + 100


def test_a_full_store_is_told_from_one_that_is_busy(bench: Bench, disk: Disk) -> None:
    """By SQLite's own code."""
    disk.gives_back = False
    disk.fill()

    denials = {DeniedRequests("2026-11-23", f"key_{number}", "m", "cap"): 1 for number in range(2000)}
    with pytest.raises(StoreFullError, match="full"), bench.store.write() as connection:
        add_denials(connection, denials)


@pytest.fixture
def somebody(bench: Bench, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else on the database, for whom the gateway waits for a millisecond."""
    event.listen(bench.store.engine, "begin", lambda c: c.exec_driver_sql("PRAGMA busy_timeout = 1"))
    connection = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
    yield connection
    connection.close()


async def test_a_locked_database_delays_the_ledger_and_nothing_else(
    bench: Bench, make_key: MakeKey, somebody: sqlite3.Connection
) -> None:
    """Requests are admitted and settled meanwhile; `/readyz` says that they cannot be booked yet."""
    service = bench.open()
    somebody.execute("BEGIN IMMEDIATE")
    await bench.spend(service, make_key(), 7)
    await service.upkeep()
    assert bench.background.health.failing == {"ledger": "database is locked"}
    somebody.execute("COMMIT")
    await service.upkeep()
    assert bench.background.health.failing == {}
    assert booked(bench) == 1


async def test_a_damaged_store_ends_spending_at_once(bench: Bench, make_key: MakeKey) -> None:
    """No waiting helps there, so it does not wait for a hundred thousand rows, nor does it go on with the
    pages that happen to be good. Brought back and started again, it knows what was spent.
    """

    database = bench.journal_directory.with_name("gateway.db")

    def overwrite(content: bytes) -> bytes:
        bench.store.engine.dispose()
        former = database.read_bytes()
        database.write_bytes(content or former[:4096] + b"\xa5" * (len(former) - 4096))
        return former

    service = bench.open()
    await bench.spend(service, make_key(), 7)
    whole = overwrite(b"")
    await service.upkeep()

    assert "malformed" in bench.background.health.failing["ledger"]
    assert isinstance(await bench.admit(service, make_key()), Denial)
    overwrite(whole)
    await service.upkeep()
    assert isinstance(await bench.admit(service, make_key()), Denial)
    service.ledger.close()
    bench.store.close()
    bench.store = open_store(f"sqlite:///{database}")
    again = bench.open()
    assert again.usage.month_spend_micro_usd(START) == 7
    assert isinstance(await bench.admit(again, make_key()), Reservation)


@pytest.mark.parametrize(
    ("failure", "failing"),
    [(errno.ENOSPC, "disk reserve"), (errno.EIO, "journal")],
)
async def test_a_journal_that_cannot_begin_a_segment_goes_on_in_the_former(
    bench: Bench, make_key: MakeKey, disk: Disk, failure: int, failing: str
) -> None:
    """Whatever the disk says is told, the ledger is written all the same, and the next round turns it."""
    bench.journal_segment_bytes = 4096
    service = bench.open()
    for _ in range(30):
        await bench.spend(service, make_key(), 1)
    disk.failure, disk.is_full = failure, True
    await service.upkeep()
    assert failing in bench.background.health.failing
    assert booked(bench) == 30
    disk.is_full = False
    for _ in range(2):
        await service.upkeep()

    assert len(list(bench.journal_directory.iterdir())) == 1
    assert bench.open().usage.month_spend_micro_usd(START) == 30


async def test_a_disk_that_stays_full_after_the_reserve_loses_nothing(
    bench: Bench, make_key: MakeKey, disk: Disk
) -> None:
    """Where the reserve has been given back already, what was acknowledged waits for space."""
    service = bench.open()
    for _ in range(50):
        await bench.spend(service, make_key(), 1)
    disk.gives_back = False
    bench.store.reserve.release()
    disk.fill()
    await service.upkeep()
    assert "full" in bench.background.health.failing["ledger"]
    assert service.ledger.waiting_rows == 50
    disk.is_full = False
    await service.upkeep()

    assert (booked(bench), service.ledger.waiting_rows) == (50, 0)


def test_a_disk_that_fails_at_the_start_is_one_clear_line(bench: Bench, disk: Disk) -> None:
    """A full one would do: it has a reserve. One that is broken has none."""
    disk.failure, disk.is_full = errno.EIO, True
    with pytest.raises(StoreOpenError, match=r"cannot write the journal in .*: Input/output error"):
        bench.open()
