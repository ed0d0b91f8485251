"""The ledger: one row a request, sums that agree with it, and what a restart brings back."""

from sqlalchemy import func, select

from key_factory import MakeKey
from metering_bench import START, Bench, used
from pulumi_groq.gateway.metering.ledger import MOST_KINDS_OF_DENIAL
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.store.ledger import DeniedRequests
from pulumi_groq.gateway.store.schema import denials_by_day, ledger, usage_by_day
from pulumi_groq.policy.limits import Demand


async def test_a_settled_request_is_one_row(bench: Bench, make_key: MakeKey) -> None:
    """Key, model, tokens, cost, status and times of the request."""
    service = bench.open()
    reservation = await bench.admit(service, make_key())
    assert isinstance(reservation, Reservation)
    bench.clock.advance(seconds=2)
    await service.metering.settle(reservation, used(7, prompt=10, cached=4, completion=5), 200)
    await service.upkeep()

    with bench.store.read() as connection:
        row = connection.execute(select(ledger)).one()
    assert row._asdict() == {
        "request_id": "req_00000001",
        "key_id": "key_01a",
        "lineage_id": "key_01a",
        "team": "chat",
        "model": "openai/gpt-oss-20b",
        "outcome": "settled",
        "status": 200,
        "prompt_tokens": 10,
        "cached_tokens": 4,
        "completion_tokens": 5,
        "cost_micro_usd": 7,
        "started_us": int(START.timestamp()) * 1_000_000,
        "settled_us": int(START.timestamp() + 2) * 1_000_000,
    }


async def test_daily_sums_agree_with_the_rows(bench: Bench, make_key: MakeKey) -> None:
    """Whatever the batches, the sums by day, key and model are those of the rows."""
    service = bench.open()
    for number in range(30):
        await bench.spend(service, make_key(f"key_01{number % 3}"), number)
        if number % 4 == 0:
            await service.upkeep()
    await service.upkeep()

    with bench.store.read() as connection:
        rows = connection.execute(
            select(ledger.c.key_id, func.count(), func.sum(ledger.c.cost_micro_usd)).group_by(ledger.c.key_id)
        ).all()
        sums = connection.execute(
            select(usage_by_day.c.key_id, usage_by_day.c.requests, usage_by_day.c.cost_micro_usd)
        ).all()
    assert sorted(map(tuple, rows)) == sorted(map(tuple, sums))


async def test_usage_is_the_same_after_a_restart(bench: Bench, make_key: MakeKey) -> None:
    """Sums, last use and month spend are rebuilt from the store."""
    service = bench.open()
    await bench.spend(service, make_key(), 7)
    bench.clock.advance(days=1)
    await bench.spend(service, make_key(), 5)
    await service.upkeep()
    now = bench.clock.now()
    again = bench.open()

    assert again.usage.usage_by_key(now) == service.usage.usage_by_key(now)
    row = again.usage.usage_by_key(now)["key_01a"]
    assert (row.requests_today, row.cost_today_micro_usd, row.month_to_date.requests) == (1, 5, 2)
    assert again.usage.last_used_at("key_01a") == now
    assert again.usage.month_spend_micro_usd(now) == 12


async def test_a_restart_keeps_cap_and_budget_where_they_stood(bench: Bench, make_key: MakeKey) -> None:
    """A restart in mid-month forgets rate limits, not money."""
    bench.cap(20)
    service = bench.open()
    await bench.spend(service, make_key("key_01a", budget=12), 10)
    await service.upkeep()
    again = bench.open()

    budget = await bench.admit(again, make_key("key_01a", budget=12), cost=3)
    cap = await bench.admit(again, make_key("key_01b"), cost=11)
    assert [getattr(answer, "reason", "") for answer in (budget, cap)] == ["budget", "cap"]


async def test_what_was_settled_but_not_written_is_recovered(bench: Bench, make_key: MakeKey) -> None:
    """The journal holds what a killed process had acknowledged; reading it twice adds nothing."""
    service = bench.open()
    await bench.spend(service, make_key(), 7)
    for _ in range(2):
        assert bench.open().usage.month_spend_micro_usd(START) == 7


async def test_a_crash_between_ledger_and_journal_books_nothing_twice(
    bench: Bench, make_key: MakeKey
) -> None:
    """Entries that are in both count once."""
    service = bench.open()
    await bench.spend(service, make_key(), 7)
    await service.upkeep()

    assert bench.open().usage.month_spend_micro_usd(START) == 7


async def test_a_request_in_flight_at_a_crash_costs_its_reservation(bench: Bench, make_key: MakeKey) -> None:
    """Never free, and marked as interrupted."""
    service = bench.open()
    await bench.admit(service, make_key(), cost=33)
    again = bench.open()

    assert again.usage.month_spend_micro_usd(START) == 33
    assert again.usage.last_used_at("key_01a") == START
    with bench.store.read() as connection:
        assert connection.scalars(select(ledger.c.outcome)).all() == ["interrupted"]


async def test_denials_are_counted_and_not_listed(bench: Bench, make_key: MakeKey) -> None:
    """Any number of refusals of a kind is one row."""
    service = bench.open()
    for _ in range(3):
        for _ in range(50):
            await bench.admit(service, make_key(tokens_per_minute=1))
        await service.upkeep()

    with bench.store.read() as connection:
        rows = connection.execute(select(denials_by_day)).all()
    assert [tuple(row) for row in rows] == [
        ("2026-11-23", "key_01a", "openai/gpt-oss-20b", "tokens_per_minute_too_large", 150)
    ]


async def test_old_rows_are_dropped_and_their_sums_stay(bench: Bench, make_key: MakeKey) -> None:
    """The ledger is bounded in time; usage by day is not lost with it."""
    service = bench.open()
    await bench.spend(service, make_key(), 7)
    await service.upkeep()
    bench.clock.advance(days=bench.kept_days + 1)
    await bench.spend(service, make_key(), 5)
    await service.upkeep()

    with bench.store.read() as connection:
        assert connection.scalars(select(ledger.c.cost_micro_usd)).all() == [5]
        assert connection.scalar(select(func.sum(usage_by_day.c.cost_micro_usd))) == 12


async def test_rows_that_the_store_does_not_take_are_written_later(bench: Bench, make_key: MakeKey) -> None:
    """A failing store delays the ledger; nothing is lost and nothing is booked twice."""
    service = bench.open()
    await bench.spend(service, make_key(), 7)
    with bench.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger RENAME TO away")
    await service.upkeep()
    assert (service.ledger.waiting_rows, bench.events.failed) == (1, 1)
    with bench.store.write() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO ledger")
    await service.upkeep()

    assert (service.ledger.waiting_rows, bench.events.written) == (0, 1)
    assert bench.open().usage.month_spend_micro_usd(START) == 7


async def test_a_request_id_that_comes_twice_does_not_block_the_ledger(
    bench: Bench, make_key: MakeKey
) -> None:
    """The first request of an id is written, and what follows it is not held up."""
    service = bench.open()
    for cost in (7, 9):
        reservation = await service.metering.admit(make_key(), Demand("m", 1, 10), "req_same")
        assert isinstance(reservation, Reservation)
        await service.metering.settle(reservation, used(cost), 200)
    await bench.spend(service, make_key(), 5)
    for _ in range(2):
        await service.upkeep()

    assert service.ledger.waiting_rows == 0
    with bench.store.read() as connection:
        assert sorted(connection.scalars(select(ledger.c.cost_micro_usd))) == [5, 7]


async def test_kinds_of_denials_are_bounded_between_two_writes(bench: Bench) -> None:
    """Counts of known ones go on; whoever is refused in ever new ways fills no memory."""
    service = bench.open()
    for number in range(MOST_KINDS_OF_DENIAL + 5):
        service.ledger.deny(DeniedRequests("2026-11-23", f"key_{number}", "m", "cap"))
    service.ledger.deny(DeniedRequests("2026-11-23", "key_0", "m", "cap"))
    await service.upkeep()

    with bench.store.read() as connection:
        kinds, requests = connection.execute(
            select(func.count(), func.sum(denials_by_day.c.requests)).select_from(denials_by_day)
        ).one()
    assert (kinds, requests) == (MOST_KINDS_OF_DENIAL, MOST_KINDS_OF_DENIAL + 1)
