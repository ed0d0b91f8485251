"""`max_parallel_requests`: no more run at once than may, and every end of a request frees its place."""

import asyncio
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from key_factory import MakeKey
from metering_bench import Bench, used
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.policy.access import Bounds, KeyAccess, Limits
from pulumi_groq.policy.limits import Denial

ORGANISATION_CAP = 10**9


def reason(answer: Reservation | Denial) -> str:
    return answer.reason if isinstance(answer, Denial) else ""


async def admitted(bench: Bench, service: MeteringService, key: KeyAccess, cost: int = 10) -> Reservation:
    answer = await bench.admit(service, key, cost)
    assert isinstance(answer, Reservation)
    return answer


async def test_no_more_run_at_once_than_may(bench: Bench, make_key: MakeKey) -> None:
    """The first one too many is told to come back in a second, and takes nothing of another limit."""
    service = bench.open()
    key = make_key(max_parallel_requests=2, requests_per_day=3)
    await admitted(bench, service, key)
    second = await admitted(bench, service, key)
    denial = await bench.admit(service, key)

    assert isinstance(denial, Denial)
    assert (denial.status, denial.type, denial.code) == (429, "requests", "rate_limit_exceeded")
    assert (denial.reason, denial.retry_after_s) == ("max_parallel_requests", 1)
    assert "on parallel requests: Limit 2, Used 2, Requested 1." in denial.message
    assert dict(denial.headers)[b"x-ratelimit-remaining-requests"] == b"1"

    await service.metering.settle(second, used(1), 200)
    assert reason(await bench.admit(service, key)) == ""


async def test_a_limit_that_is_set_while_requests_run_counts_them(bench: Bench, make_key: MakeKey) -> None:
    """A team's, too; each frees its place at its end, and a batch that is kept when its creation ends."""
    service = bench.open()
    free, other = make_key("key_a"), make_key("key_b")
    first, second = await admitted(bench, service, free), await admitted(bench, service, other)
    third = await admitted(bench, service, free)
    held = replace(
        free, team_bounds=Bounds(Limits(max_parallel_requests=4)), limits=Limits(max_parallel_requests=3)
    )
    fourth = await admitted(bench, service, held)
    assert reason(await bench.admit(service, held)) == "max_parallel_requests"
    await service.metering.settle(first, used(1), 200)
    fifth = await admitted(bench, service, held)
    await service.metering.settle(second, used(1), 200)
    await service.metering.keep(third, 200)
    of_team = replace(held, limits=Limits())
    last = [await bench.admit(service, of_team) for _ in range(3)]
    assert [reason(each) for each in last] == ["", "", "team_max_parallel_requests"]
    for each in (fourth, fifth):
        await service.metering.settle(each, used(1), 200)
    assert reason(await bench.admit(service, held)) == ""


async def test_a_request_without_an_answer_frees_its_place(bench: Bench, make_key: MakeKey) -> None:
    """An upstream that fails, or a client that left, ends the request like any other end."""
    service = bench.open()
    key = make_key(max_parallel_requests=1)
    for status in (502, 499, 0):
        reservation = await admitted(bench, service, key)
        await service.metering.settle(reservation, None, status)

    assert reason(await bench.admit(service, key)) == ""


async def test_a_second_settle_frees_no_second_place(bench: Bench, make_key: MakeKey) -> None:
    """A place is freed once, whatever the paths that try."""
    service = bench.open()
    key = make_key(max_parallel_requests=2)
    first = await admitted(bench, service, key)
    await admitted(bench, service, key)
    for _ in range(2):
        await service.metering.settle(first, used(1), 200)

    assert [reason(await bench.admit(service, key)) for _ in range(2)] == ["", "max_parallel_requests"]


async def test_a_request_that_nobody_settles_frees_its_place_when_it_expires(
    bench: Bench, make_key: MakeKey
) -> None:
    """A lost task cannot hold a place for ever, and its late end frees no other one."""
    service = bench.open()
    key = make_key(max_parallel_requests=1)
    lost = await asyncio.create_task(admitted(bench, service, key))
    bench.clock.advance(seconds=bench.reservation_ttl_s - 1)
    assert reason(await bench.admit(service, key)) == "max_parallel_requests"
    bench.clock.advance(seconds=1)
    assert reason(await bench.admit(service, key)) == ""
    await service.metering.settle(lost, used(1), 200)

    assert reason(await bench.admit(service, key)) == "max_parallel_requests"


async def test_a_request_that_cannot_be_recorded_frees_its_place(bench: Bench, make_key: MakeKey) -> None:
    """A demand that the journal refuses never ran."""
    service = bench.open()
    key = make_key(max_parallel_requests=1)
    assert reason(await bench.admit(service, key, 10**30)) == "store_unavailable"

    assert reason(await bench.admit(service, key)) == ""


async def test_what_ran_when_the_process_died_holds_no_place(bench: Bench, make_key: MakeKey) -> None:
    """After a crash nothing runs, though what ran is charged."""
    service = bench.open()
    key = make_key(max_parallel_requests=1)
    await admitted(bench, service, key, cost=33)
    again = bench.open()

    assert reason(await bench.admit(again, key)) == ""
    assert again.usage.month_spend_micro_usd(bench.clock.now()) == 33


async def test_keys_of_a_lineage_share_the_places(bench: Bench, make_key: MakeKey) -> None:
    """A rotation's overlap does not double them; other lineages have their own."""
    service = bench.open()
    old = make_key("key_01a", lineage_id="key_01a", max_parallel_requests=1)
    new = make_key("key_01b", lineage_id="key_01a", max_parallel_requests=1)
    await admitted(bench, service, old)

    assert reason(await bench.admit(service, new)) == "max_parallel_requests"
    assert reason(await bench.admit(service, make_key("key_01c", max_parallel_requests=1))) == ""


async def test_a_changed_limit_counts_what_runs_already(bench: Bench, make_key: MakeKey) -> None:
    """Lowered, it waits for the running ones; raised, it admits at once."""
    service = bench.open()
    running = [await admitted(bench, service, make_key(max_parallel_requests=3)) for _ in range(3)]
    lowered, raised = make_key(max_parallel_requests=2), make_key(max_parallel_requests=4)
    await service.metering.settle(running[0], used(1), 200)
    assert reason(await bench.admit(service, lowered)) == "max_parallel_requests"
    await admitted(bench, service, raised)
    await service.metering.settle(running[1], used(1), 200)
    await service.metering.settle(running[2], used(1), 200)

    assert reason(await bench.admit(service, lowered)) == ""


async def test_a_large_body_is_turned_away_while_all_places_are_taken(
    bench: Bench, make_key: MakeKey
) -> None:
    """It would be read in vain; asking takes no place."""
    service = bench.open()
    key = make_key(max_parallel_requests=1)
    assert await service.metering.turns_away(key) is None
    running = await admitted(bench, service, key)
    denial = await service.metering.turns_away(key)
    assert denial is not None
    assert denial.reason == "max_parallel_requests"
    await service.metering.settle(running, used(1), 200)

    assert await service.metering.turns_away(key) is None


async def test_of_200_at_once_as_many_run_as_may(bench: Bench, make_key: MakeKey) -> None:
    """Taking a place is one step with all other limits."""
    bench.cap(ORGANISATION_CAP)
    service = bench.open()
    key = make_key(max_parallel_requests=7)
    answers = await asyncio.gather(*(bench.admit(service, key) for _ in range(200)))

    assert sum(isinstance(answer, Reservation) for answer in answers) == 7


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limits=st.lists(st.integers(1, 4) | st.none(), min_size=1, max_size=3),
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=40),
)
def test_the_count_is_exact_in_any_order_of_ends(
    bench: Bench, make_key: MakeKey, limits: list[int | None], steps: list[tuple[int, int]]
) -> None:
    """A key is admitted exactly while fewer of its lineage's limited requests run than it may have."""

    async def play() -> None:
        service = bench.open()
        keys = [
            make_key(f"key_{position}", lineage_id="key_0", max_parallel_requests=limit)
            for position, limit in enumerate(limits)
        ]
        running: list[tuple[Reservation, bool]] = []
        for which, end in steps:
            if end and running:
                reservation, _ = running.pop(end % len(running))
                await service.metering.settle(reservation, used(1), 200)
                continue
            position = which % len(keys)
            limit = limits[position]
            counted = sum(is_limited for _, is_limited in running)
            answer = await bench.admit(service, keys[position])
            assert isinstance(answer, Reservation) == (limit is None or counted < limit)
            if isinstance(answer, Reservation):
                running.append((answer, limit is not None))
        for reservation, _ in running:
            await service.metering.settle(reservation, used(1), 200)
        for key in keys:
            await service.metering.settle(await admitted(bench, service, key), used(1), 200)

    asyncio.run(play())
