"""The metering while a gateway serves: the background writes, and the end writes what is left."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from key_factory import MakeKey
from metering_bench import Bench
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.replicas import reported_uses
from pulumi_groq.gateway.store.schema import ledger
from pulumi_groq.policy.limits import Denial


def written(bench: Bench) -> int:
    with bench.store.read() as connection:
        return len(connection.execute(select(ledger)).all())


async def test_the_ledger_is_written_in_the_background(bench: Bench, make_key: MakeKey) -> None:
    """Nobody has to ask for it."""
    service = bench.open()
    async with service.serving(), asyncio.timeout(60):
        await bench.spend(service, make_key(), 7)
        await bench.events.ledger_was_written.wait()

        assert written(bench) == 1


async def test_the_end_writes_what_waits(bench: Bench, make_key: MakeKey) -> None:
    """A graceful stop leaves nothing to recover; what is still in flight stays in the journal."""
    service = bench.open()
    async with service.serving():
        await bench.spend(service, make_key(), 7)
        await bench.admit(service, make_key(), cost=5)

    assert written(bench) == 1
    assert bench.open().usage.month_spend_micro_usd(bench.clock.now()) == 12


async def test_a_gateway_alone_reports_no_uses(bench: Bench, make_key: MakeKey) -> None:
    """Nobody else is on its store who could ask before a key is deleted."""
    service = bench.open()
    await bench.spend(service, make_key(), 7)
    await service.report()
    with bench.store.read() as connection:
        assert reported_uses(connection, 0) == {}


async def test_too_long_a_queue_refuses_new_requests(bench: Bench, make_key: MakeKey) -> None:
    """With a store that takes nothing spending ends before memory does, and goes on with the store."""
    bench.most_waiting_rows = 3
    service = bench.open()
    for _ in range(4):
        await bench.spend(service, make_key(), 1)
    denial = await bench.admit(service, make_key())
    assert isinstance(denial, Denial)
    assert (denial.status, denial.code) == (503, "store_unavailable")
    await service.upkeep()

    assert isinstance(await bench.admit(service, make_key()), Reservation)


def test_an_unwritable_journal_is_one_clear_line(bench: Bench, tmp_path: Path) -> None:
    """The start says which place cannot be written."""
    bench.journal_directory = tmp_path / "missing" / "journal"

    with pytest.raises(StoreOpenError) as caught:
        bench.open()

    assert str(caught.value) == (
        f"cannot write the journal in {bench.journal_directory}: No such file or directory; "
        "give a writable place"
    )


@pytest.mark.parametrize("step", ["reservations", "set-aside rows", "alerts"])
async def test_a_step_of_the_upkeep_that_fails_keeps_no_other_from_its_turn(
    bench: Bench, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever it raises: it is told under its name, the ledger is written, and it is tried again."""
    service = bench.open()
    owner, name = {
        "reservations": (service.metering, "expire"),
        "set-aside rows": (service.ledger, "book_decided"),
        "alerts": (service._alerts, "check"),
    }[step]

    async def broken() -> None:
        raise RecursionError

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        async with service.serving(), asyncio.timeout(60):
            await bench.spend(service, make_key(), 7)
            await bench.events.ledger_was_written.wait()
            assert bench.background.health.failing[step] == "RecursionError"
            assert step in bench.events.parts_failed
    assert written(bench) == 1
    await service.upkeep()
    assert step not in bench.background.health.failing
