"""A key whose spend runs away is paused, and goes on when it is resumed."""

import json
from datetime import timedelta
from typing import NoReturn

import pytest
from sqlalchemy import select

from key_factory import MakeKey
from metering_bench import START, Bench, used
from pulumi_groq.gateway.batches.results import as_reserved
from pulumi_groq.gateway.metering.announcements import of_runaway
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.store.batches import BatchRecord
from pulumi_groq.gateway.store.change_log import ChangeQuery, newest_changes
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.keys import KeyRecord, insert_key
from pulumi_groq.gateway.store.ledger import LedgerRecord
from pulumi_groq.gateway.store.recent_spend import add_spend, spend_by_slot
from pulumi_groq.gateway.store.runaways import end_pause, read_runaways
from pulumi_groq.policy.access import KeyAccess
from pulumi_groq.policy.limits import Denial
from pulumi_groq.policy.runaway import RunawayLimit

URL = "https://hooks.example.com/a"
DOLLAR = 1_000_000
PAUSE = RunawayLimit(DOLLAR, None, "pause_key", None)


def times(usual: int, **others: object) -> RunawayLimit:
    fields = {"action": "pause_key", "resume_after_minutes": None, "spend_micro_usd_per_10_min": None}
    return RunawayLimit(times_usual=usual, **(fields | others))  # type: ignore[arg-type]


def code(answer: Reservation | Denial) -> str:
    return answer.code if isinstance(answer, Denial) else ""


async def spend(bench: Bench, service: MeteringService, key: KeyAccess, cost: int) -> None:
    await bench.spend(service, key, cost)
    await service.upkeep()


def used_before(bench: Bench, lineage_id: str, days: int, cost_in_10_min: int) -> None:
    """The lineage spent this in each ten minutes of so many days before now."""
    minutes = range(10, days * 24 * 60 + 1, 10)
    at_us = [round((bench.clock.now() - timedelta(minutes=back)).timestamp() * 1e6) for back in minutes]
    rows = [
        LedgerRecord(f"req_{at}", "k", lineage_id, None, "m", "settled", 200, 0, 0, 0, cost_in_10_min, at, at)
        for at in at_us
    ]
    with bench.store.write() as connection:
        add_spend(connection, rows)


def declare(bench: Bench, key: KeyAccess) -> None:
    """The store has the key, with its guard."""
    record = KeyRecord(
        id=key.key_id,
        key_hash=key.key_id.encode().ljust(32, b"."),
        last_four="abcd",
        name=key.name,
        managed_by=None,
        declared_as=None,
        team=None,
        replaces=None,
        lineage_id=key.lineage_id,
        generation=1,
        allowed_models=(),
        allowed_tools=(),
        requests_per_minute=None,
        tokens_per_minute=None,
        requests_per_day=None,
        tokens_per_day=None,
        monthly_budget_micro_usd=None,
        expires_at=None,
        metadata={},
        disabled=False,
        created_at=START,
        updated_at=START,
        runaway=key.runaway,
    )
    with bench.store.write() as connection:
        insert_key(connection, record)


def batch(reservation: Reservation, bench: Bench) -> BatchRecord:
    """A batch that was created by this request and costs what it reserved."""
    admission = reservation.admission
    return BatchRecord(
        request_id=admission.request_id,
        upstream_id="batch_1",
        key_id=admission.key_id,
        lineage_id=admission.lineage_id,
        team=None,
        input_file_id="file_1",
        worst={admission.model: (1, 1, 1, 0, 1, 1)},
        held_by_model_micro_usd={admission.model: admission.cost_micro_usd},
        document={},
        started_us=round(bench.clock.now().timestamp() * 1e6),
    )


async def test_a_key_that_spends_more_than_its_amount_is_paused(bench: Bench, make_key: MakeKey) -> None:
    """The refusal says since when, what was spent, and who can resume; it takes nothing."""
    service = bench.open()
    key = make_key(runaway=PAUSE, requests_per_day=10)
    await spend(bench, service, key, DOLLAR)
    assert code(await bench.admit(service, key)) == ""
    await spend(bench, service, key, 1)
    denial = await bench.admit(service, key)

    assert isinstance(denial, Denial)
    assert (denial.status, denial.code, denial.retry_after_s) == (400, "key_paused_runaway", None)
    assert "paused since 2026-" in denial.message
    assert "it spent $1.000001 within 10 minutes, where $1 are allowed" in denial.message
    assert "`pulumi-groq keys resume key_01a`" in denial.message
    assert "`owner`" in denial.message
    assert "which takes `owner` or `team-admin` of its team." in denial.message
    turned_away = await service.metering.turns_away(key)
    assert turned_away is not None
    assert turned_away.code == "key_paused_runaway"
    assert bench.events.runaways == ["pause_key"]


async def test_spend_leaves_the_window_after_ten_minutes(bench: Bench, make_key: MakeKey) -> None:
    """At any moment the last ten minutes count, not a clock's."""
    service = bench.open()
    key = make_key(runaway=PAUSE)
    await spend(bench, service, key, DOLLAR)
    bench.clock.advance(seconds=610)
    await spend(bench, service, key, DOLLAR)
    assert code(await bench.admit(service, key)) == ""
    bench.clock.advance(seconds=580)
    await spend(bench, service, key, 1)

    assert code(await bench.admit(service, key)) == "key_paused_runaway"


async def test_spend_of_a_clock_that_was_set_back_is_none_of_the_last_ten_minutes(
    bench: Bench, make_key: MakeKey
) -> None:
    """It would count until the clock is there again, and pause the key for what it spends in hours."""
    service = bench.open()
    key = make_key(runaway=PAUSE)
    await spend(bench, service, key, DOLLAR)
    bench.clock.advance(hours=-2)
    await spend(bench, service, key, DOLLAR)

    assert code(await bench.admit(service, key)) == ""


async def test_a_key_without_a_guard_is_never_paused(bench: Bench, make_key: MakeKey) -> None:
    """Its neighbour's pause is not its own."""
    service = bench.open()
    free, guarded = make_key("key_free"), make_key("key_guarded", runaway=PAUSE)
    await spend(bench, service, free, 100 * DOLLAR)
    await spend(bench, service, guarded, 2 * DOLLAR)

    assert code(await bench.admit(service, free)) == ""
    assert code(await bench.admit(service, guarded)) == "key_paused_runaway"


async def test_the_successor_of_a_paused_key_is_paused(bench: Bench, make_key: MakeKey) -> None:
    """A rotation ends no pause: keys of a lineage are watched together."""
    service = bench.open()
    old = make_key("key_old", lineage_id="key_old", runaway=PAUSE)
    new = make_key("key_new", lineage_id="key_old", runaway=PAUSE)
    await spend(bench, service, old, DOLLAR)
    await spend(bench, service, new, 1)

    assert code(await bench.admit(service, old)) == "key_paused_runaway"
    assert code(await bench.admit(service, new)) == "key_paused_runaway"


async def test_a_restart_ends_no_pause_and_forgets_no_spend(bench: Bench, make_key: MakeKey) -> None:
    """Pauses are in the store; what was spent in the last ten minutes is read from the ledger."""
    service = bench.open()
    paused, near = make_key("key_paused", runaway=PAUSE), make_key("key_near", runaway=PAUSE)
    await spend(bench, service, paused, 2 * DOLLAR)
    await spend(bench, service, near, DOLLAR)
    declare(bench, near)
    again = bench.open()
    assert code(await bench.admit(again, paused)) == "key_paused_runaway"
    assert code(await bench.admit(again, near)) == ""
    await spend(bench, again, near, 1)

    assert code(await bench.admit(again, near)) == "key_paused_runaway"


async def test_a_resumed_key_is_judged_by_what_it_spends_anew(bench: Bench, make_key: MakeKey) -> None:
    """Also after a restart: else it would be paused again by the same dollars."""
    service = bench.open()
    key = make_key(runaway=PAUSE)
    declare(bench, key)
    await spend(bench, service, key, 2 * DOLLAR)
    bench.clock.advance(seconds=60)
    with bench.store.write() as connection:
        assert end_pause(connection, "key_01a", bench.clock.now())
    service.guard.resumed("key_01a")
    bench.clock.advance(seconds=1)
    await spend(bench, service, key, DOLLAR)
    again = bench.open()
    await spend(bench, again, key, 0)
    assert code(await bench.admit(again, key)) == ""
    await spend(bench, again, key, 1)

    assert code(await bench.admit(again, key)) == "key_paused_runaway"


async def test_a_pause_ends_by_itself_after_its_time(bench: Bench, make_key: MakeKey) -> None:
    """The refusal says when; the store and the log know that it ended."""
    service = bench.open()
    key = make_key(runaway=RunawayLimit(DOLLAR, None, "pause_key", 30))
    await spend(bench, service, key, 2 * DOLLAR)
    denial = await bench.admit(service, key)
    assert isinstance(denial, Denial)
    assert "It goes on at 2026-" in denial.message
    bench.clock.advance(minutes=29, seconds=59)
    await service.upkeep()
    assert code(await bench.admit(service, key)) == "key_paused_runaway"
    bench.clock.advance(seconds=1)
    await service.upkeep()

    assert code(await bench.admit(service, key)) == ""
    with bench.store.read() as connection:
        assert [each.pauses for each in read_runaways(connection, START)] == [False]
        changes = newest_changes(connection, ChangeQuery(), None, 10)
    assert [(each.action, each.actor, each.object_id) for each in changes] == [
        ("resumed", "gateway", "key_01a"),
        ("paused", "gateway", "key_01a"),
    ]


async def test_an_alert_is_told_once_an_hour_and_pauses_nothing(bench: Bench, make_key: MakeKey) -> None:
    """A loop that goes on is not told of with every request."""
    bench.cap(10**12)
    bench.webhooks(URL)
    service = bench.open()
    key = make_key(runaway=RunawayLimit(DOLLAR, None, "alert", None))
    for _ in range(5):
        await spend(bench, service, key, 2 * DOLLAR)
    assert bench.events.runaways == ["alert"]
    bench.clock.advance(hours=1)
    await spend(bench, service, key, 2 * DOLLAR)
    await bench.background.finish_jobs()

    assert code(await bench.admit(service, key)) == ""
    assert bench.events.runaways == ["alert", "alert"]
    assert len(bench.sender.posted) == 2


async def test_the_webhook_says_which_key_spent_what(bench: Bench, make_key: MakeKey) -> None:
    """Posted like the alerts of thresholds: signed, and with an id that a restart keeps."""
    bench.cap(10**12)
    bench.webhooks(URL, secret="a-secret-of-some-length")
    service = bench.open()
    await spend(bench, service, make_key(runaway=PAUSE), 2_500_000)
    await bench.background.finish_jobs()

    ((url, body, headers),) = bench.sender.posted
    told = json.loads(body)
    assert url == URL
    assert headers["webhook-signature"].startswith("v1,")
    assert told["type"] == "key.runaway"
    assert told["data"] == {
        "key_id": "key_01a",
        "key_name": "chatbot",
        "team": "chat",
        "lineage_id": "key_01a",
        "spent_usd": 2.5,
        "allowed_usd": 1,
        "usual_usd": None,
        "paused": True,
        "resumes_at": None,
    }
    assert "It is paused until `pulumi-groq keys resume key_01a`." in told["text"]
    with bench.store.read() as connection:
        (kept,) = read_runaways(connection, START)
    assert of_runaway(kept).id == headers["webhook-id"]
    again = bench.open()
    again.resume_deliveries()
    await bench.background.finish_jobs()
    assert len(bench.sender.posted) == 1


async def test_a_store_that_is_out_delays_no_pause(
    bench: Bench, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds at once, and is written as soon as the store takes it."""
    service = bench.open()
    key = make_key(runaway=PAUSE)
    await bench.spend(service, key, 2 * DOLLAR)
    with monkeypatch.context() as out:
        out.setattr(type(bench.store), "is_ours", property(lambda _: False))
        await service.upkeep()
        assert service.guard.pause_of("key_01a") is not None
    await service.upkeep()

    with bench.store.read() as connection:
        assert [each.pauses for each in read_runaways(connection, START)] == [True]


async def test_a_guard_that_is_taken_away_leaves_the_pause(bench: Bench, make_key: MakeKey) -> None:
    """Only who may resume ends it; afterwards nothing watches the key."""
    service = bench.open()
    await spend(bench, service, make_key(runaway=PAUSE), 2 * DOLLAR)
    unguarded = make_key()
    assert code(await bench.admit(service, unguarded)) == "key_paused_runaway"
    service.guard.resumed("key_01a")
    await spend(bench, service, unguarded, 5 * DOLLAR)

    assert code(await bench.admit(service, unguarded)) == ""


async def test_batches_neither_count_nor_make_a_usual(bench: Bench, make_key: MakeKey) -> None:
    """Their cost arrives at once, hours after somebody decided on it."""
    service = bench.open()
    key = make_key(runaway=PAUSE)
    reservation = await bench.admit(service, key, 5 * DOLLAR)
    assert isinstance(reservation, Reservation)
    hold = await service.metering.keep(reservation, 200)
    declare(bench, key)
    row = as_reserved(batch(reservation, bench), bench.clock.now().timestamp())[0]
    with bench.store.write() as connection:
        service.metering.book(connection, hold.id, [row])
    await service.metering.release(hold, [row])
    await service.upkeep()
    assert code(await bench.admit(service, key)) == ""
    again = bench.open()
    await spend(bench, again, key, 1)

    assert code(await bench.admit(again, key)) == ""
    with bench.store.read() as connection:
        assert sum(connection.scalars(select(spend_by_slot.c.cost_micro_usd))) < DOLLAR


async def replay(bench: Bench, key: KeyAccess, usual: int, factor: float, minutes: int) -> float | None:
    """Traffic of `factor` times the usual, a request every 5 s. Gives for how many seconds it was above the
    bound when it was paused; `None` if it never was.
    """
    service = bench.open()
    each = round(usual * factor / 120)
    bound = (key.runaway.times_usual or 0) * usual if key.runaway else 0
    spent: list[tuple[float, int]] = []
    crossed_s: float | None = None
    for _ in range(minutes * 12):
        answer = await bench.admit(service, key, each)
        now_s = bench.clock.now().timestamp()
        if isinstance(answer, Denial):
            assert answer.code == "key_paused_runaway"
            assert crossed_s is not None
            return now_s - crossed_s
        await service.metering.settle(answer, used(each), 200)
        spent = [(at_s, cost) for at_s, cost in [*spent, (now_s, each)] if at_s > now_s - 600]
        if crossed_s is None and sum(cost for _, cost in spent) > bound:
            crossed_s = now_s
        await service.upkeep()
        bench.clock.advance(seconds=5)
    return None


async def test_a_retry_loop_at_50_times_the_usual_is_paused_within_a_minute_of_crossing(
    bench: Bench, make_key: MakeKey
) -> None:
    """After 14 days of the usual; how much is usual in money does not matter."""
    used_before(bench, "key_01a", 14, 20_000)
    after_s = await replay(bench, make_key(runaway=times(10)), 20_000, 50, minutes=30)

    assert after_s is not None
    assert after_s <= 60


async def test_a_launch_at_3_times_the_usual_is_not_paused(bench: Bench, make_key: MakeKey) -> None:
    """Hours of it, through the borders of hours."""
    used_before(bench, "key_01a", 14, 20_000)

    assert await replay(bench, make_key(runaway=times(10)), 20_000, 3, minutes=200) is None


async def test_a_young_key_is_not_judged_by_its_history(bench: Bench, make_key: MakeKey) -> None:
    """Two days say little; its amount holds from the first request on."""
    used_before(bench, "key_01a", 2, 20_000)
    young = make_key(runaway=times(10))
    assert await replay(bench, young, 20_000, 50, minutes=20) is None
    both = make_key(runaway=times(10, spend_micro_usd_per_10_min=3 * DOLLAR))
    service = bench.open()
    await spend(bench, service, both, 3 * DOLLAR + 1)

    assert code(await bench.admit(service, both)) == "key_paused_runaway"


async def test_what_the_page_and_the_metrics_ask_of_a_paused_key(bench: Bench, make_key: MakeKey) -> None:
    """How many are paused, by what, and what they spent; nothing of that once it goes on."""
    service = bench.open()
    await spend(bench, service, make_key(runaway=PAUSE), 2 * DOLLAR)
    guard = service.guard
    pause = guard.pause_of("key_01a")
    assert pause is not None
    assert (guard.paused_keys, guard.spent("key_01a", START)) == (1, 2 * DOLLAR)
    assert guard.last_of("key_01a") == pause
    guard.resumed("key_01a")

    assert (guard.paused_keys, guard.pause_of("key_01a"), guard.spent("key_01a", START)) == (0, None, 0)
    assert guard.last_of("key_01a") == pause


async def test_a_guard_that_goes_before_it_is_looked_at_finds_nothing(
    bench: Bench, make_key: MakeKey
) -> None:
    """What was spent under it is not judged by it."""
    service = bench.open()
    await bench.spend(service, make_key(runaway=PAUSE), 2 * DOLLAR)
    assert code(await bench.admit(service, make_key())) == ""
    await service.upkeep()

    assert service.guard.paused_keys == 0
    assert bench.events.runaways == []


async def test_a_store_that_is_out_while_the_usual_is_looked_up_delays_the_judgement(
    bench: Bench, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is looked at again in the next round, though it spends nothing more."""
    service = bench.open()
    used_before(bench, "key_01a", days=10, cost_in_10_min=DOLLAR // 100)
    await bench.spend(service, make_key(runaway=times(2)), DOLLAR)
    await service.ledger.flush(lambda: b"")

    def out() -> NoReturn:
        raise StoreUnavailableError("out")

    with monkeypatch.context() as outage:
        outage.setattr(bench.store, "read", out)
        with pytest.raises(StoreUnavailableError):
            await service.guard.check()
    assert service.guard.paused_keys == 0
    await service.guard.check()

    assert service.guard.paused_keys == 1


async def test_a_pause_that_somebody_ended_before_its_time_is_ended_once(
    bench: Bench, make_key: MakeKey
) -> None:
    """Another gateway, or an administrator, was quicker: the record has one end of it."""
    service = bench.open()
    limit = RunawayLimit(DOLLAR, None, "pause_key", 10)
    await spend(bench, service, make_key(runaway=limit), 2 * DOLLAR)
    bench.clock.advance(minutes=11)
    with bench.store.write() as connection:
        assert end_pause(connection, "key_01a", bench.clock.now())
    await service.upkeep()

    assert service.guard.paused_keys == 0
    with bench.store.read() as connection:
        noted = newest_changes(connection, ChangeQuery(actions=("resumed",)), None, 10)
    assert noted == []
