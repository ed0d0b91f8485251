"""Batches of gateways that share one PostgreSQL: each sees once what one of them has booked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from batch_bench import BatchBench, line
from fake_clock import FakeClock
from pulumi_groq.gateway.metering.replica_work import LEFT_OUT
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.runaway import RunawayLimit
from sharing_bench import SharingGateway

LOOKS = LEFT_OUT + 1
GUARD = RunawayLimit(
    spend_micro_usd_per_10_min=1, times_usual=None, action="pause_key", resume_after_minutes=None
)


async def test_a_batch_is_spend_of_no_ten_minutes_at_any_gateway(
    postgresql_url: str, tmp_path: Path, key: Callable[..., KeyAccess]
) -> None:
    """A request beside it is: what is not the batch's counts, and its own cost is in the usage once."""
    guarded = replace(key("one"), runaway=GUARD)
    clock = FakeClock()
    books, other = (SharingGateway(postgresql_url, tmp_path / name, clock, guarded) for name in "ab")
    try:
        for gateway in (books, other):
            gateway.cap(1_000_000)
        bench = BatchBench(books.bench)
        await bench.open()
        assert other.service.guard.turns_away(guarded) is None
        batch = await bench.create(guarded, [line(number) for number in range(3)])
        await bench.batches.look(batch)
        for service in (bench.service, other.service):
            for _ in range(LOOKS):
                await service.upkeep()
        spent = other.service.usage.month_spend_micro_usd(clock.now())
        assert spent == bench.spent > 0
        assert other.service.guard.spent("key_one", clock.now()) == 0

        assert other.service.guard.turns_away(guarded) is None
        await books.bench.spend(bench.service, replace(guarded, runaway=None), 7)
        for service in (bench.service, other.service):
            for _ in range(LOOKS):
                await service.upkeep()
        assert other.service.guard.spent("key_one", clock.now()) == 7
        assert other.service.guard.paused_keys == 1
    finally:
        books.kill()
        other.kill()


async def test_a_batch_of_last_month_is_in_its_spend(
    postgresql_url: str, tmp_path: Path, key: Callable[..., KeyAccess]
) -> None:
    """Where its gateway's alerts look for it, though the key has spent something in the new month already."""
    clock = FakeClock(datetime(2026, 11, 30, 23, 50, tzinfo=UTC))
    gateway = SharingGateway(postgresql_url, tmp_path / "a", clock, key())
    try:
        gateway.cap(1_000_000)
        bench = BatchBench(gateway.bench)
        await bench.open()
        await bench.create(key(), [line()])
        clock.advance(hours=1)
        await gateway.bench.spend(bench.service, key(), 7)
        for _ in range(LOOKS):
            await bench.service.upkeep()
        gateway.store.watch()
        await bench.batches.round()
        for _ in range(LOOKS):
            await bench.service.upkeep()
        assert bench.service.usage.spent_in("2026-12") == 7
        assert bench.service.usage.spent_in("2026-11") == 1
    finally:
        gateway.kill()
