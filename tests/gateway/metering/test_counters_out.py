"""Shared counters of rates that cannot be asked, and are to deny."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from key_factory import MakeKey
from metering_bench import Bench
from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.counters.protocol import CounterSet, TakeResult
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.policy.access import Bounds, Budget, Limits
from pulumi_groq.policy.limits import Demand, Denial, Quota

MODEL = "openai/gpt-oss-20b"


class Outage(MemoryCounters):
    """Counters that cannot be reached while they are `out`, or once they have given so many `answers`."""

    out = True
    answers = 1_000

    def counter_set(self, quotas: Sequence[Quota], now_s: float) -> Any:
        return SetElsewhere(self, super().counter_set(quotas, now_s))


class SetElsewhere:
    """Some of them."""

    def __init__(self, where: Outage, counters: CounterSet) -> None:
        self._where = where
        self._counters = counters
        self.settle = counters.settle
        self.is_idle = counters.is_idle

    async def take(self, demand: Demand, now_s: float, reservation_id: str, expires_s: float) -> TakeResult:
        self._reach()
        return await self._counters.take(demand, now_s, reservation_id, expires_s)

    async def full(self, now_s: float) -> TakeResult:
        self._reach()
        return await self._counters.full(now_s)

    def _reach(self) -> None:
        self._where.answers -= 1
        if self._where.out or self._where.answers < 0:
            raise CountersUnavailableError("no answer within 50 ms")


async def test_nothing_is_admitted_and_nothing_stays_taken(bench: Bench, make_key: MakeKey) -> None:
    """503, before a body is read and after; the money, which is taken first, is there when they are back."""
    bench.cap(100)
    bench.rates = outage = Outage()
    service = bench.open()
    key = make_key(requests_per_minute=5)
    for refused in (await service.metering.turns_away(key), await bench.admit(service, key, 60)):
        assert isinstance(refused, Denial)
        assert (refused.status, refused.code, refused.retry_after_s) == (503, "counters_unavailable", 1)
    outage.out = False

    assert await service.metering.turns_away(key) is None
    assert isinstance(await bench.admit(service, key, 100), Reservation)


async def test_a_batch_whose_model_cannot_be_asked_for_holds_nothing(bench: Bench, make_key: MakeKey) -> None:
    """They went out between the request's own counters and those of its model."""
    bench.rates = outage = Outage()
    outage.out, outage.answers = False, 1
    service = bench.open()
    bounds = {MODEL: Bounds(Limits(), (Budget("month", 100),))}
    key = replace(make_key(budget=100), model_bounds=bounds)
    refused = await service.metering.admit(key, Demand(MODEL, 0, 60, {MODEL: 60}), "req_1")
    assert isinstance(refused, Denial)
    assert refused.code == "counters_unavailable"
    outage.answers = 1_000

    whole = Demand(MODEL, 0, 100, {MODEL: 100})
    assert isinstance(await service.metering.admit(key, whole, "req_2"), Reservation)
