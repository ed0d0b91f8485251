"""No row stops the ledger or the start, whatever is in it: it is set aside, counts as spent, and is told."""

import json
import math
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from key_factory import MakeKey
from metering_bench import START, Bench, used
from pulumi_groq.gateway.metering.journal import (
    Admission,
    Journal,
    LedgerRow,
    Settlement,
    admission_line,
    settlement_line,
)
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.store.errors import StoreOpenError, StoreUnavailableError
from pulumi_groq.gateway.store.ledger import DeniedRequests
from pulumi_groq.gateway.store.schema import ledger, usage_by_day
from pulumi_groq.gateway.store.set_aside import DROPPED, SetAside, decide, read_set_aside
from pulumi_groq.policy.access import KeyAccess, Limits
from pulumi_groq.policy.limits import Consumption, Denial

HOSTILE: list[Any] = [2**63, 2**64 - 1, 10**19, 10**30, -1, 5000.0, math.nan, math.inf, None, "5", True, [1]]
AT_S = START.timestamp()


def kept(bench: Bench) -> list[SetAside]:
    with bench.store.read() as connection:
        return [each.what for each in read_set_aside(connection)]


def booked(bench: Bench) -> dict[str, int]:
    with bench.store.read() as connection:
        return dict(connection.execute(select(ledger.c.request_id, ledger.c.cost_micro_usd)).all())


async def spend_badly(bench: Bench, service: Any, key: Any, consumption: Consumption, cost: int = 30) -> None:
    reservation = await bench.admit(service, key, cost)
    assert isinstance(reservation, Reservation)
    await service.metering.settle(reservation, consumption, 200)


def refuse_a_cost_of_13(bench: Bench) -> None:
    with bench.store.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER odd BEFORE INSERT ON ledger WHEN NEW.cost_micro_usd = 13 "
            "BEGIN SELECT RAISE(ABORT, 'thirteen'); END"
        )


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["prompt_tokens", "cached_tokens", "completion_tokens", "cost_micro_usd"])
async def test_a_number_that_cannot_be_true_is_charged_as_reserved(
    bench: Bench, make_key: MakeKey, field: str, value: Any
) -> None:
    """In memory, after the ledger is written, and after a restart; all other rows are booked."""
    service = bench.open()
    key = make_key(budget=100)
    await bench.spend(service, key, 7)
    await spend_badly(bench, service, key, used(5)._replace(**{field: value}))
    await bench.spend(service, key, 9)
    assert service.usage.month_spend_micro_usd(START) == 46
    await service.upkeep()

    assert bench.background.health.failing == {}
    assert (service.ledger.waiting_rows, service.ledger.set_aside) == (0, 1)
    again = bench.open()
    assert again.usage.month_spend_micro_usd(START) == 46
    assert again.ledger.set_aside == 1
    denial = await bench.admit(again, key, cost=55)
    assert isinstance(denial, Denial)
    assert denial.reason == "budget"
    assert isinstance(await bench.admit(again, key, cost=54), Reservation)
    (aside,) = kept(bench)
    assert (aside.request_id, aside.key_id, aside.charged_micro_usd) == ("req_00000002", "key_01a", 30)
    assert bench.events.aside == 1
    assert sorted(booked(bench).values()) == [7, 9]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["prompt_tokens", "cost_micro_usd"])
async def test_the_same_number_in_the_journal_stops_no_start(
    bench: Bench, make_key: MakeKey, field: str, value: Any
) -> None:
    """A process that was killed before it wrote its ledger leaves the number to the next."""
    service = bench.open()
    await bench.spend(service, make_key(), 7)
    await spend_badly(bench, service, make_key(), used(5)._replace(**{field: value}))
    for _ in range(2):
        again = bench.open()
        assert again.usage.month_spend_micro_usd(START) == 37
    assert sum(booked(bench).values()) + sum(aside.charged_micro_usd for aside in kept(bench)) == 37


async def test_tokens_that_cannot_be_true_do_not_close_the_rate_limit_for_ever(
    bench: Bench, make_key: MakeKey
) -> None:
    """The request takes what it reserved from the minute, so the next minute is free."""
    service = bench.open()
    key = make_key(tokens_per_minute=1000)
    await spend_badly(bench, service, key, used(5, completion=2**64))
    bench.clock.advance(seconds=61)
    assert isinstance(await bench.admit(service, key, tokens=1000), Reservation)


@pytest.mark.parametrize("place", [0, 1, 4, 8])
async def test_a_row_that_only_the_store_refuses_is_found_among_the_others(
    bench: Bench, make_key: MakeKey, place: int
) -> None:
    """Here by a trigger: whatever the store's reason is, each other row of the batch is booked once."""
    refuse_a_cost_of_13(bench)
    service = bench.open()
    for number in range(9):
        await bench.spend(service, make_key(), 13 if number == place else 10)
    service.ledger.deny(DeniedRequests("2026-11-23", "key_01a", "m", "cap"))
    await service.upkeep()
    assert bench.background.health.failing == {}
    assert service.usage.month_spend_micro_usd(START) == 93
    assert bench.open().usage.month_spend_micro_usd(START) == 93
    (aside,) = kept(bench)
    assert (aside.charged_micro_usd, "thirteen" in aside.reason) == (13, True)
    assert list(booked(bench).values()) == [10] * 8
    with bench.store.read() as connection:
        assert connection.scalar(select(func.sum(usage_by_day.c.cost_micro_usd))) == 80


async def test_a_second_request_of_an_id_is_set_aside(bench: Bench, make_key: MakeKey) -> None:
    """Its money is not lost without a word."""
    service = bench.open()
    for cost in (7, 9):
        bench._requests = 0
        await bench.spend(service, make_key(), cost)
    await service.upkeep()
    assert bench.open().usage.month_spend_micro_usd(START) == 16
    assert booked(bench) == {"req_00000001": 7}
    assert [aside.charged_micro_usd for aside in kept(bench)] == [9]


async def test_denials_that_the_store_refuses_hold_up_nothing(bench: Bench, make_key: MakeKey) -> None:
    """A count of refusals is no reason to lose spending."""
    service = bench.open()
    service.ledger.deny(DeniedRequests("2026-11-23", "key_01a", "\ud800", "cap"))
    await bench.spend(service, make_key(), 7)
    await service.upkeep()
    assert bench.background.health.failing == {}
    assert list(booked(bench).values()) == [7]
    assert [aside.charged_micro_usd for aside in kept(bench)] == [0]


@pytest.mark.parametrize(("decision", "spent"), [(30, 37), (4, 11), (0, 7), (DROPPED, 7), (50, 57)])
@pytest.mark.parametrize("running", [True, False])
async def test_an_operator_decides_while_the_gateway_runs_or_not(
    bench: Bench, make_key: MakeKey, decision: int, spent: int, running: bool
) -> None:
    """Booked at the cost that is given, or dropped: cap, budget and reports follow at once and stay."""
    bench.cap(100)
    service = bench.open()
    key = make_key(budget=100)
    await bench.spend(service, key, 7)
    await spend_badly(bench, service, key, used(2**64))
    await service.upkeep()
    if not running:
        service = bench.open()
    with bench.store.write() as connection:
        (number,) = [each.id for each in read_set_aside(connection)]
        assert decide(connection, number, decision)
        assert not decide(connection, number + 1, decision)
    await service.upkeep()

    for serving in (service, bench.open()):
        assert serving.ledger.set_aside == 0
        assert serving.usage.month_spend_micro_usd(START) == spent
        assert isinstance(await bench.admit(serving, key, cost=101 - spent), Denial)
        assert isinstance(await bench.admit(serving, key, cost=100 - spent), Reservation)
        # What was just taken is in flight in this metering only.
    assert kept(bench) == []
    assert sum(booked(bench).values()) >= spent


def left_in_journal(bench: Bench, *lines: bytes) -> None:
    journal = Journal(bench.journal_directory)
    journal.open()
    for line in lines:
        journal.write(line)
    journal.close()


def admission(request_id: str, cost: int = 30) -> Admission:
    return Admission(request_id, "key_01a", "key_01a", "chat", "m", cost, AT_S)


def settlement(request_id: str, cost: int = 5) -> Settlement:
    return Settlement(request_id, "settled", 200, 1, 0, 2, cost, AT_S + 1)


async def test_a_settlement_whose_reservation_is_damaged_still_counts(bench: Bench) -> None:
    """Eight zeroed bytes hide whose it was, not that it was spent: the cap knows it, and both are told."""
    line = admission_line(admission("req_1"))
    left_in_journal(
        bench,
        line[:20] + bytes(8) + line[28:],
        settlement_line(settlement("req_1", 5)),
        admission_line(admission("req_2")),
        settlement_line(settlement("req_2", 7)),
    )
    bench.cap(100)
    for _ in range(2):
        service = bench.open()
        assert service.usage.month_spend_micro_usd(START) == 12
        assert service.ledger.set_aside == 2
    assert (bench.events.damaged, bench.events.aside) == (1, 2)
    assert isinstance(await bench.admit(service, _any_key(), cost=89), Denial)
    damaged, orphan = kept(bench)
    assert (damaged.charged_micro_usd, orphan.charged_micro_usd) == (0, 5)
    assert damaged.content == (line[:20] + bytes(8) + line[28:])[:-1]
    assert orphan.request_id == "req_1"
    assert booked(bench) == {"req_2": 7}


def _any_key() -> Any:
    return KeyAccess("key_01z", "z", "key_01z", None, frozenset(), Limits(), None, None, False)


def test_a_damaged_settlement_costs_the_reservation(bench: Bench) -> None:
    """As a crash in the middle of the request does, and the damage is told."""
    line = settlement_line(settlement("req_1"))
    left_in_journal(
        bench,
        admission_line(admission("req_1", 30)),
        bytes(8) + line[8:],
        settlement_line(settlement("req_0", 0)),
    )

    assert bench.open().usage.month_spend_micro_usd(START) == 30
    assert booked(bench) == {"req_1": 30}
    assert bench.events.damaged == 1


def test_a_line_that_is_not_whole_at_the_end_is_no_damage(bench: Bench) -> None:
    """Every power cut may leave it: it is counted and sets nothing aside."""
    left_in_journal(bench, admission_line(admission("req_1", 30)), b"0000")

    assert bench.open().usage.month_spend_micro_usd(START) == 30
    assert (bench.events.damaged, bench.events.cut_off, bench.events.aside) == (0, 1, 0)
    assert kept(bench) == []


@pytest.mark.parametrize(
    "entry",
    [
        admission("req_1")._replace(cost_micro_usd=-5),
        admission("req_1")._replace(cost_micro_usd=10**13),
        admission("req_1")._replace(started_s=1e18),
        admission("req_1")._replace(started_s=-1.0),
        settlement("req_9")._replace(cost_micro_usd=2**70),
        settlement("req_9")._replace(settled_s=1e300),
        settlement("req_9")._replace(status=10**9),
        settlement("req_9")._replace(outcome="free"),  # type: ignore[arg-type]
    ],
)
def test_an_entry_that_cannot_be_true_is_set_aside(bench: Bench, entry: Admission | Settlement) -> None:
    """Its checksum is good, its numbers are not: the start goes on, and it is told."""
    line = admission_line(entry) if isinstance(entry, Admission) else settlement_line(entry)
    left_in_journal(bench, line, admission_line(admission("req_2")), settlement_line(settlement("req_2", 7)))

    assert bench.open().usage.month_spend_micro_usd(START) == 7
    assert len(kept(bench)) == bench.events.aside == 1


@pytest.mark.parametrize(
    "fields",
    [
        ["r", "req_1", "key_01a", "key_01a", "chat", "m", 30, "noon"],
        ["s", 9, "settled", 200, 1, 0, 2, 5, AT_S],
    ],
)
def test_an_entry_of_other_types_is_set_aside(bench: Bench, fields: list[Any]) -> None:
    """A time that is text, a request that is a number: no gateway writes that, and its checksum is good."""
    content = json.dumps(fields).encode() + b"\n"
    left_in_journal(bench, b"%08x %s" % (zlib.crc32(content), content))

    bench.open()
    assert len(kept(bench)) == bench.events.aside == 1


def test_a_settlement_that_cannot_be_true_costs_its_reservation(bench: Bench) -> None:
    """Nobody knows what it was, and it was at most that."""
    left_in_journal(
        bench, admission_line(admission("req_1", 30)), settlement_line(settlement("req_1", cost=-5))
    )

    assert bench.open().usage.month_spend_micro_usd(START) == 30
    assert [aside.charged_micro_usd for aside in kept(bench)] == [30]


async def test_a_second_request_of_an_id_is_booked_beside_the_first(bench: Bench, make_key: MakeKey) -> None:
    """Once an operator says so, under an id of its own; one whose key has no team, too."""
    service = bench.open()
    for cost in (7, 9):
        bench._requests = 0
        await bench.spend(service, replace(make_key(), team=None), cost)
    await service.upkeep()
    with bench.store.write() as connection:
        (number,) = [each.id for each in read_set_aside(connection)]
        assert decide(connection, number, 9)
    await service.upkeep()

    assert booked(bench) == {"req_00000001": 7, f"set_aside_{number}": 9}


async def test_an_outage_amid_refused_rows_books_each_once(
    bench: Bench, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some halves of the batch are written then: the next round knows them."""
    refuse_a_cost_of_13(bench)
    service = bench.open()
    for number in range(8):
        await bench.spend(service, make_key(), 13 if number == 5 else 10)
    write, calls = bench.store.write, count()

    @contextmanager
    def out_after_three() -> Iterator[Any]:
        if next(calls) == 4:
            raise StoreUnavailableError("out")
        with write() as connection:
            yield connection

    with monkeypatch.context() as outage:
        outage.setattr(bench.store, "write", out_after_three)
        await service.upkeep()
    assert bench.background.health.failing == {"ledger": "out"}
    await service.upkeep()

    assert bench.background.health.failing == {}
    assert service.usage.month_spend_micro_usd(START) == 83
    assert len(booked(bench)) + len(kept(bench)) == 8


def test_an_entry_that_comes_twice_counts_once(bench: Bench) -> None:
    """Carried over, it is the same; a second settlement that differs is set aside."""
    lines = [admission_line(admission("req_1")), settlement_line(settlement("req_1", 5))]
    left_in_journal(bench, *lines, *lines, settlement_line(settlement("req_1", 6)))

    assert bench.open().usage.month_spend_micro_usd(START) == 5
    assert len(kept(bench)) == 1


def test_a_file_that_looks_like_a_segment_is_one_clear_line(bench: Bench) -> None:
    """It may hold what was spent, so it is not passed over."""
    left_in_journal(bench, admission_line(admission("req_1")))
    segment = bench.journal_directory / "000000000001.jsonl"
    shutil.move(segment, bench.journal_directory / "notanumber.jsonl")

    with pytest.raises(StoreOpenError, match=r"notanumber\.jsonl is no segment .* move it away") as refused:
        bench.open()
    assert "\n" not in str(refused.value)


def test_damage_of_any_length_anywhere_never_stops_a_start(bench: Bench, tmp_path: Path) -> None:
    """And nothing of it is lost without a word: each request is booked, set aside, or both halves are."""
    rows = [LedgerRow(admission(f"req_{n}", 30), settlement(f"req_{n}", 5)) for n in range(20)]
    whole = b"".join(admission_line(row.admission) + settlement_line(row.settlement) for row in rows)
    for start in range(0, len(whole), 211):
        damaged = bytearray(whole)
        damaged[start : start + 100] = bytes(100)[: len(whole) - start]
        bench.journal_directory = tmp_path / f"journal-{start}"
        left_in_journal(bench, bytes(damaged))
        before = bench.events.damaged + bench.events.cut_off
        service = bench.open()
        service.ledger.close()
        assert bench.events.damaged + bench.events.cut_off > before
