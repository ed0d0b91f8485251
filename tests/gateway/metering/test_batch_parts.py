"""What a batch holds of its models' budgets, and beyond its request, on every way out."""

import asyncio
import errno
from dataclasses import replace
from typing import Any, NoReturn

import pytest

from key_factory import MakeKey
from metering_bench import START, Bench
from pulumi_groq.gateway.metering.journal import Admission, LedgerRow, Settlement
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits
from pulumi_groq.policy.limits import Demand, Denial

FIRST, SECOND = "openai/gpt-oss-20b", "openai/gpt-oss-120b"


def bounded(key: KeyAccess, first: int, second: int) -> KeyAccess:
    """The key with a budget a month of each of the two models."""
    rooms = {FIRST: first, SECOND: second}
    return replace(
        key,
        model_bounds={model: Bounds(Limits(), (Budget("month", room),)) for model, room in rooms.items()},
    )


def batch(first: int, second: int) -> Demand:
    return Demand(FIRST, 0, first + second, {FIRST: first, SECOND: second})


async def fits(service: MeteringService, key: KeyAccess, demand: Demand, request_id: str) -> bool:
    return isinstance(await service.metering.admit(key, demand, request_id), Reservation)


async def test_a_model_that_lacks_room_gives_the_others_theirs_back(bench: Bench, make_key: MakeKey) -> None:
    """All of them or none: the first model's budget is untouched."""
    service = bench.open()
    key = bounded(make_key(), 100, 10)
    denial = await service.metering.admit(key, batch(60, 11), "req_1")
    assert isinstance(denial, Denial)
    assert denial.reason == "model_budget"

    assert await fits(service, key, batch(100, 10), "req_2")


async def test_a_batch_that_cannot_be_recorded_holds_nothing(
    bench: Bench, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk does not take its line: 503, and every model's budget is free again."""
    service = bench.open()
    key = bounded(make_key(), 100, 100)

    def full(_: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(service.ledger, "reserve", full)
        assert not await fits(service, key, batch(60, 60), "req_1")

    assert await fits(service, key, batch(100, 100), "req_2")


async def test_a_batch_that_nobody_settles_is_charged_as_reserved(bench: Bench, make_key: MakeKey) -> None:
    """As any request whose task was lost: in all, and in the model that its row names."""
    service = bench.open()
    key = bounded(make_key(), 100, 100)
    assert await asyncio.create_task(fits(service, key, batch(60, 30), "req_1"))
    bench.clock.advance(seconds=bench.reservation_ttl_s)
    await service.upkeep()

    assert service.usage.month_spend_micro_usd(START) == 90
    assert not await fits(service, key, batch(41, 0), "req_2")


async def test_a_request_that_is_over_keeps_nothing(bench: Bench, make_key: MakeKey) -> None:
    """It was settled, or expired, before the batch was recorded: there is nothing left to hold."""
    service = bench.open()
    key = make_key(budget=100)
    reservation = await service.metering.admit(key, batch(60, 40), "req_1")
    assert isinstance(reservation, Reservation)
    await service.metering.settle(reservation, None, 200)
    hold = await service.metering.keep(reservation, 200)
    assert hold.parts == []

    assert await fits(service, key, batch(60, 40), "req_2")


async def test_a_batch_whose_record_failed_is_over(bench: Bench, make_key: MakeKey) -> None:
    """Its request cost nothing, and holds nothing more."""
    service = bench.open()
    key = make_key(budget=100)
    reservation = await service.metering.admit(key, batch(60, 40), "req_1")
    assert isinstance(reservation, Reservation)
    await service.metering.not_moved(reservation)

    assert await fits(service, key, batch(60, 40), "req_2")


async def test_results_of_a_batch_that_another_gateway_held_count_here(bench: Bench) -> None:
    """There is no hold to let go, and cap and reports know what they cost."""
    service = bench.open()
    admission = Admission("req_1", "key_01a", "key_01a", None, FIRST, 60, START.timestamp())
    result = Settlement("req_1", "settled", 200, 10, 0, 5, 25, START.timestamp())
    await service.metering.release(None, [LedgerRow(admission, result)])

    assert service.usage.month_spend_micro_usd(START) == 25
