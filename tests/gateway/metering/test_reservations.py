"""Reserve, then settle: limits, cap, budgets, months and reservations."""

import asyncio
import errno
import os

import pytest

from key_factory import MakeKey
from metering_bench import Bench, used
from pulumi_groq.gateway.metering.reservations import OpenReservations, Reservation
from pulumi_groq.policy.limits import Denial


def reason(answer: Reservation | Denial) -> str:
    return answer.reason if isinstance(answer, Denial) else ""


async def test_an_admitted_request_carries_rate_headers(bench: Bench, make_key: MakeKey) -> None:
    """The reservation shows what is left after this request."""
    service = bench.open()
    reservation = await bench.admit(service, make_key(requests_per_day=1000, tokens_per_minute=8000))

    assert isinstance(reservation, Reservation)
    assert dict(reservation.headers)[b"x-ratelimit-remaining-requests"] == b"999"
    assert dict(reservation.headers)[b"x-ratelimit-remaining-tokens"] == b"7900"


async def test_settling_gives_back_what_was_not_used(bench: Bench, make_key: MakeKey) -> None:
    """After the settlement only the real tokens count, without the cached ones."""
    service = bench.open()
    key = make_key(tokens_per_minute=100)
    first = await bench.admit(service, key)
    assert isinstance(first, Reservation)
    assert reason(await bench.admit(service, key)) == "tokens_per_minute"

    await service.metering.settle(first, used(1, prompt=50, cached=40, completion=10), 200)

    assert reason(await bench.admit(service, key, tokens=81)) == "tokens_per_minute"
    assert reason(await bench.admit(service, key, tokens=80)) == ""


async def test_a_second_settle_does_nothing(bench: Bench, make_key: MakeKey) -> None:
    """A reservation is settled once, whatever the paths that try."""
    service = bench.open()
    reservation = await bench.admit(service, make_key())
    assert isinstance(reservation, Reservation)
    for _ in range(2):
        await service.metering.settle(reservation, used(7), 200)

    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 7
    assert service.metering.open_reservations == 0


async def test_nothing_generated_costs_nothing_but_counts_as_a_request(
    bench: Bench, make_key: MakeKey
) -> None:
    """A request that the upstream refused is in the ledger at no cost."""
    service = bench.open()
    reservation = await bench.admit(service, make_key())
    assert isinstance(reservation, Reservation)
    await service.metering.settle(reservation, None, 502)

    row = service.usage.usage_by_key(bench.clock.now())["key_01a"]
    assert (row.requests_today, row.tokens_today, row.cost_today_micro_usd) == (1, 0, 0)


@pytest.mark.parametrize(("cap", "cost"), [(1000, 7), (1000, 1000), (1000, 1001), (999, 10)])
async def test_200_at_once_never_pass_the_cap(bench: Bench, make_key: MakeKey, cap: int, cost: int) -> None:
    """With auto-pause the worst cases of all admitted requests together stay within the cap."""
    bench.cap(cap)
    service = bench.open()
    answers = await asyncio.gather(*(bench.admit(service, make_key(), cost) for _ in range(200)))
    admitted = [answer for answer in answers if isinstance(answer, Reservation)]
    denied = [answer for answer in answers if isinstance(answer, Denial)]
    for reservation in admitted:
        await service.metering.settle(reservation, used(cost), 200)

    assert len(admitted) == min(200, cap // cost)
    in_the_way = (429, "rate_limit_exceeded") if cost <= cap else (400, "blocked_api_access")
    assert {(denial.status, denial.code) for denial in denied} == {in_the_way}
    assert service.usage.month_spend_micro_usd(bench.clock.now()) == len(admitted) * cost


async def test_without_auto_pause_nothing_is_refused(bench: Bench, make_key: MakeKey) -> None:
    """The cap then only alerts."""
    bench.cap(10, auto_pause=False)
    service = bench.open()

    assert reason(await bench.admit(service, make_key(), cost=11)) == ""


async def test_raising_the_cap_unblocks_at_once(bench: Bench, make_key: MakeKey) -> None:
    """The policy is read at every admission."""
    bench.cap(10)
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    assert reason(await bench.admit(service, make_key(), cost=1)) == "cap"

    bench.cap(11)

    assert reason(await bench.admit(service, make_key(), cost=1)) == ""


async def test_the_first_of_the_month_unblocks(bench: Bench, make_key: MakeKey) -> None:
    """Cap and budget begin again with the UTC month."""
    bench.cap(10)
    service = bench.open()
    key = make_key(budget=10)
    bench.clock.time = bench.clock.time.replace(day=30, hour=23, minute=59, second=59)
    await bench.spend(service, key, 10)
    assert reason(await bench.admit(service, key)) == "cap"

    bench.clock.advance(seconds=1)

    assert reason(await bench.admit(service, key)) == ""


async def test_a_request_is_booked_in_the_month_in_which_it_began(bench: Bench, make_key: MakeKey) -> None:
    """A stream over midnight of the first costs the old month and takes nothing from the new cap."""
    bench.cap(10)
    service = bench.open()
    bench.clock.time = bench.clock.time.replace(day=30, hour=23, minute=59)
    old_month = bench.clock.now()
    reservation = await bench.admit(service, make_key())
    assert isinstance(reservation, Reservation)
    bench.clock.advance(minutes=2)
    assert reason(await bench.admit(service, make_key())) == ""
    await service.metering.settle(reservation, used(9), 200)

    assert service.usage.month_spend_micro_usd(old_month) == 9
    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 0


async def test_generations_of_a_lineage_share_its_budget(bench: Bench, make_key: MakeKey) -> None:
    """A rotated key goes on where its predecessor stood."""
    service = bench.open()
    first = make_key("key_01a", lineage_id="key_01a", budget=15)
    second = make_key("key_01b", lineage_id="key_01a", budget=15)
    await bench.spend(service, first, 10)
    denial = await bench.admit(service, second, cost=6)

    assert isinstance(denial, Denial)
    assert (denial.status, denial.code) == (400, "key_budget_exceeded")
    assert reason(await bench.admit(service, second, cost=5)) == ""


async def test_an_expired_reservation_frees_tokens_and_is_charged(bench: Bench, make_key: MakeKey) -> None:
    """A request that nobody settles cannot hold a limit for ever, nor be free."""
    service = bench.open()
    key = make_key(tokens_per_day=100)
    reservation = await asyncio.create_task(bench.admit(service, key, cost=33))
    assert isinstance(reservation, Reservation)
    bench.clock.advance(seconds=bench.reservation_ttl_s - 1)
    assert reason(await bench.admit(service, key)) == "tokens_per_day"
    bench.clock.advance(seconds=1)

    assert reason(await bench.admit(service, key)) == ""
    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 33
    assert bench.events.expired == 1

    await service.metering.settle(reservation, used(1), 200)

    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 33


async def test_what_is_served_for_long_keeps_what_it_holds(bench: Bench, make_key: MakeKey) -> None:
    """A slow stream or upload costs what its answer states, and those after it wait for it no longer than for
    any other; what was lost beside it expires all the same.
    """
    service = bench.open()
    key = make_key(tokens_per_day=300)
    served = await bench.admit(service, key, cost=33)
    await asyncio.create_task(bench.admit(service, key, cost=50))
    assert isinstance(served, Reservation)
    bench.clock.advance(seconds=bench.reservation_ttl_s)
    await service.upkeep()

    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 50
    assert service.metering.open_reservations == 1
    assert [reason(await bench.admit(service, key)) for _ in range(3)] == ["", "", "tokens_per_day"]

    await service.metering.settle(served, used(7), 200)

    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 57


async def test_upkeep_expires_reservations_without_traffic(bench: Bench, make_key: MakeKey) -> None:
    """The books move on also when nobody calls."""
    service = bench.open()
    await asyncio.create_task(bench.admit(service, make_key(), cost=33))
    bench.clock.advance(seconds=bench.reservation_ttl_s)
    await service.upkeep()

    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 33


async def test_rounds_that_meet_expire_a_reservation_once(bench: Bench, make_key: MakeKey) -> None:
    """One begins while another waits for shared counters."""
    service, held = bench.open(), OpenReservations()
    for _ in range(2):
        reservation = await asyncio.create_task(bench.admit(service, make_key()))
        assert isinstance(reservation, Reservation)
        held.add(reservation)
    late_s = bench.clock.now_s() + bench.reservation_ttl_s
    one, other = held.expired(late_s), held.expired(late_s)

    assert len({next(one)[0].id, *(each.id for each, _ in other)}) == 2
    assert next(one, None) is None


async def test_a_request_id_cannot_hold_two_reservations(bench: Bench, make_key: MakeKey) -> None:
    """Two requests of one id would settle each other."""
    service = bench.open()
    key = make_key()
    reservation = await bench.admit(service, key)
    assert isinstance(reservation, Reservation)
    with pytest.raises(ValueError, match="holds a reservation already"):
        await service.metering.admit(key, reservation.demand, reservation.id)


async def test_a_full_disk_refuses_new_requests_and_settles_those_in_flight(
    bench: Bench, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be recorded may not be spent; what was admitted has space for its end, also after a kill.
    With space again it goes on, and a refused request has taken nothing of a limit.
    """

    def no_space(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    bench.journal_segment_bytes = 4096
    service = bench.open()
    key = make_key(tokens_per_minute=10_000)
    reservations = []
    with monkeypatch.context() as full:
        full.setattr(os, "posix_fallocate", no_space)
        while isinstance(answer := await bench.admit(service, key), Reservation):
            reservations.append(answer)
        assert isinstance(answer, Denial)
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert service.metering.open_reservations == len(reservations) > 5
        assert bench.background.health.failing == {"journal": "No space left on device"}

        for reservation in reservations:
            await service.metering.settle(reservation, used(7), 200)
        await service.upkeep()
        await bench.spend(service, key, 1)
    assert bench.open().usage.month_spend_micro_usd(bench.clock.now()) == 7 * len(reservations) + 1

    await service.upkeep()
    assert bench.background.health.failing == {}


async def test_a_settlement_that_the_disk_does_not_take_is_booked_all_the_same(
    bench: Bench, make_key: MakeKey
) -> None:
    """The ledger still gets the row, and the failure is counted."""
    service = bench.open()
    reservation = await bench.admit(service, make_key())
    assert isinstance(reservation, Reservation)
    service.ledger.close()
    await service.metering.settle(reservation, used(7), 200)

    assert service.usage.month_spend_micro_usd(bench.clock.now()) == 7
    assert bench.events.failed == 1


@pytest.mark.parametrize("cost", [10**12 + 1, 2**63, 10**30])
async def test_a_demand_that_cannot_be_booked_is_refused_and_harms_nobody(
    bench: Bench, make_key: MakeKey, cost: int
) -> None:
    """Without a cap too: it takes nothing, and whoever sends it cannot make the gateway unready."""
    service = bench.open()
    denial = await bench.admit(service, make_key(tokens_per_minute=100), cost)
    assert isinstance(denial, Denial)
    assert denial.status == 503
    assert bench.background.health.failing == {}
    assert bench.events.failed == 0
    assert isinstance(await bench.admit(service, make_key(tokens_per_minute=100)), Reservation)


async def test_keys_of_a_lineage_share_one_set_of_buckets(bench: Bench, make_key: MakeKey) -> None:
    """In a rotation's overlap both keys together get the rate of one; other lineages have their own."""
    service = bench.open()
    old = make_key("key_01a", lineage_id="key_01a", requests_per_minute=3, tokens_per_minute=8000)
    new = make_key("key_01b", lineage_id="key_01a", requests_per_minute=3, tokens_per_minute=8000)
    answers = [await bench.admit(service, key) for key in (old, new, old, new, old)]

    assert [reason(answer) for answer in answers] == ["", "", ""] + ["requests_per_minute"] * 2
    assert isinstance(answers[1], Reservation)
    assert dict(answers[1].headers)[b"x-ratelimit-remaining-tokens"] == b"7800"
    other = make_key("key_01c", requests_per_minute=3)
    assert reason(await bench.admit(service, other)) == ""


def test_a_lineage_s_spend_counts_for_its_next_key_after_a_restart(bench: Bench, make_key: MakeKey) -> None:
    """A key made again in the lineage of a deleted one; what was in flight then counts as well."""

    async def scenario() -> None:
        first = bench.open()
        await bench.spend(first, make_key("key_01a", lineage_id="key_01a", budget=15), 7)
        assert isinstance(await bench.admit(first, make_key("key_01a", budget=15), cost=5), Reservation)
        first.ledger.close()
        again = make_key("key_01b", lineage_id="key_01a", budget=15)
        service = bench.open()

        assert reason(await bench.admit(service, again, cost=4)) == "budget"
        assert reason(await bench.admit(service, again, cost=3)) == ""


async def test_a_key_whose_requests_are_used_up_is_turned_away_unread(
    bench: Bench, make_key: MakeKey
) -> None:
    """As `admit` would, with the same wait, for all models; nothing is taken, and room opens with time."""
    service = bench.open()
    metering = service.metering
    key = make_key(requests_per_minute=2)
    for _ in range(2):
        assert await metering.turns_away(key) is None
        await bench.admit(service, key)
    turned_away = await metering.turns_away(key)
    refused = await bench.admit(service, key)
    assert turned_away is not None
    assert isinstance(refused, Denial)
    assert "for all models in" in turned_away.message
    assert (turned_away.status, turned_away.retry_after_s) == (429, refused.retry_after_s)
    bench.clock.advance(seconds=30)
    assert await metering.turns_away(key) is None
