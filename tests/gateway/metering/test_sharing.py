"""Gateways on one PostgreSQL: what each takes of the shared money, gives back, reports and takes over."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_clock import FakeClock
from key_factory import MakeKey
from metering_bench import START, used
from pulumi_groq.gateway.metering.announcements import of_runaway, of_threshold
from pulumi_groq.gateway.metering.replica_work import LEFT_OUT
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.shared_money import (
    BankBooks,
    TermsInForce,
    close_former,
    former_life,
)
from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.alerts import Alert, claim_alert, insert_alert
from pulumi_groq.gateway.store.batches import BatchRecord, insert_batch
from pulumi_groq.gateway.store.change_log import GATEWAY, ChangedObject, log_end, log_pause
from pulumi_groq.gateway.store.notifications import Handler
from pulumi_groq.gateway.store.replicas import reported_use, reported_uses
from pulumi_groq.gateway.store.runaways import Runaway, end_pause, insert_runaways
from pulumi_groq.gateway.store.set_aside import decide, read_set_aside
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits
from pulumi_groq.policy.limits import Demand, Denial, Quota, Scope
from pulumi_groq.policy.runaway import RunawayLimit
from sharing_bench import CAP, SharingGateway

URL = "https://hooks.example/one"
MODEL = "openai/gpt-oss-20b"
BUDGET = "spend:2026-11:key_01a"


@pytest.fixture
def clock() -> FakeClock:
    """The time at every gateway."""
    return FakeClock()


Start = Callable[..., SharingGateway]


@pytest.fixture
def start(postgresql_url: str, tmp_path: Path, clock: FakeClock) -> Iterator[Start]:
    """Starts a gateway by its folder's name, with the keys that it knows."""
    with ExitStack() as opened:

        def start_one(name: str, *keys: KeyAccess) -> SharingGateway:
            gateway = SharingGateway(postgresql_url, tmp_path / name, clock, *keys)
            gateway.cap(1_000)
            opened.callback(gateway.kill)
            return gateway

        yield start_one


async def spend(gateway: SharingGateway, key: KeyAccess, cost: int) -> None:
    await gateway.bench.spend(gateway.service, key, cost)


async def admitted(gateway: SharingGateway, key: KeyAccess, cost: int) -> Reservation:
    reservation = await gateway.bench.admit(gateway.service, key, cost)
    assert isinstance(reservation, Reservation)
    return reservation


async def refusal(gateway: SharingGateway, key: KeyAccess, cost: int = 10) -> Denial:
    denial = await gateway.bench.admit(gateway.service, key, cost)
    assert isinstance(denial, Denial)
    return denial


def see_each_other(*gateways: SharingGateway) -> None:
    for _ in range(2):
        for gateway in gateways:
            gateway.store.watch()


async def test_what_all_spend_stays_within_the_cap_and_is_settled(start: Start, make_key: MakeKey) -> None:
    """By turns until both are refused: the bank has settled what the ledger holds, and no more."""
    key = make_key(budget=900)
    gateways = [start("a", key), start("b", key)]
    spent = {gateway.holder: 0 for gateway in gateways}
    for _ in range(40):
        for gateway in gateways:
            reservation = await gateway.bench.admit(gateway.service, key, 30)
            if isinstance(reservation, Reservation):
                await gateway.service.metering.settle(reservation, used(30), 200)
                spent[gateway.holder] += 30
    for gateway in gateways:
        await gateway.service.upkeep()

    total = sum(spent.values())
    assert 0 < total <= 900
    assert [gateways[0].standing(each).settled for each in (CAP, BUDGET)] == [total, total]
    assert gateways[0].standing(BUDGET).limit == 900
    assert all(gateway.service.bank_calls > 0 for gateway in gateways)


async def test_a_gateway_that_ends_gives_back_what_it_holds(start: Start, make_key: MakeKey) -> None:
    """What was spent is booked before; the others can have the rest at once."""
    key = make_key(budget=500)
    gateway, other = start("a", key), start("b", key)
    await spend(gateway, key, 40)
    assert gateway.held() == {CAP, BUDGET}
    name = gateway.holder.replica
    await gateway.serve_a_round()

    assert other.held(name) == set()
    assert other.standing()[1:] == (40, 0)


async def test_a_gateway_with_requests_in_flight_leaves_their_money_to_its_next_life(
    start: Start, make_key: MakeKey
) -> None:
    """Its end gives nothing back then: the journal is booked by the next one, and the rest comes back."""
    key = make_key(budget=500)
    gateway = start("a", key)
    await admitted(gateway, key, 40)
    await gateway.serve_a_round()
    gateway.start()

    assert gateway.standing()[1:] == (40, 0)
    assert gateway.standing(BUDGET)[1:] == (40, 0)


async def test_a_killed_gateway_is_booked_under_the_life_that_spent(start: Start, make_key: MakeKey) -> None:
    """What was settled and what was in flight: none of it is taken from the new life's grants."""
    key = make_key(budget=500)
    gateway = start("a", key)
    await spend(gateway, key, 25)
    await admitted(gateway, key, 15)
    former = gateway.holder
    gateway.kill()
    gateway.start()

    assert gateway.holder.epoch == former.epoch + 1
    assert gateway.standing()[1:] == (40, 0)
    assert gateway.service.usage.month_spend_micro_usd(START) == 40


CHANGED_OBJECTS = [
    (ChangedObject("spend_policy", "spend_policy", ""), {BUDGET, "team"}),
    (ChangedObject("team", "chat", "chat"), {CAP, BUDGET}),
    (ChangedObject("api_key", "key_01a", ""), {CAP, "team"}),
    (ChangedObject("api_key", "key_of_nobody", ""), {CAP, BUDGET, "team"}),
    (None, set()),
]


async def holder_of_all(start: Start, make_key: MakeKey) -> tuple[SharingGateway, str]:
    """A gateway that holds money of organisation, key and team, all of it idle, and the team's account."""
    key = replace(make_key(budget=500), team_bounds=Bounds(Limits(), (Budget("month", 800),)))
    gateway = start("a", key)
    await spend(gateway, key, 10)
    (team,) = gateway.held() - {CAP, BUDGET}
    await gateway.service.upkeep()
    return gateway, team


def halve_all_limits(gateway: SharingGateway) -> None:
    (key,) = gateway.directory.keys
    bounds = Bounds(Limits(), (Budget("month", 400),))
    gateway.directory.keys = [replace(key, monthly_budget_micro_usd=250, team_bounds=bounds)]
    gateway.cap(500)


@pytest.mark.parametrize(("changed", "kept"), CHANGED_OBJECTS)
async def test_a_changed_limit_calls_back_what_lies_idle_below_it(
    start: Start, make_key: MakeKey, changed: ChangedObject | None, kept: set[str]
) -> None:
    """That of the organisation, of a team, of a key; what is not concerned stays; everything, if so told."""
    gateway, team = await holder_of_all(start, make_key)
    halve_all_limits(gateway)

    await gateway.money.changed(None if changed is None else [changed])

    assert gateway.held() == {team if each == "team" else each for each in kept}


@pytest.mark.parametrize("changed", [changed for changed, _ in CHANGED_OBJECTS])
async def test_what_was_granted_under_limits_that_stay_stays(
    start: Start, make_key: MakeKey, changed: ChangedObject | None
) -> None:
    """A key was created or renamed, and PostgreSQL is out right after: it goes on with what is granted."""
    gateway, team = await holder_of_all(start, make_key)

    await gateway.money.changed(None if changed is None else [changed])

    assert gateway.held() == {CAP, BUDGET, team}


async def test_money_of_two_limits_goes_back_though_one_of_them_is_in_force(
    start: Start, make_key: MakeKey
) -> None:
    """Some was granted while the cap was higher, and that was over before anybody heard of it."""
    key = make_key()
    gateway = start("a", key)
    await spend(gateway, key, 10)
    gateway.cap(5_000)
    await spend(gateway, key, 400)
    await gateway.service.upkeep()
    gateway.cap(1_000)
    assert gateway.standing().outstanding > 0

    await gateway.money.changed([ChangedObject("spend_policy", "spend_policy", "")])

    assert CAP not in gateway.held()


async def test_what_a_request_held_goes_back_at_the_next_change(start: Start, make_key: MakeKey) -> None:
    """It was granted under the former limit, and lies idle now that the request is over."""
    key = make_key()
    gateway = start("a", key)
    reservation = await admitted(gateway, key, 100)
    gateway.cap(500)
    policy = [ChangedObject("spend_policy", "spend_policy", "")]
    await gateway.money.changed(policy)
    assert gateway.standing().outstanding == 100
    await gateway.service.metering.settle(reservation, used(10), 200)
    await gateway.service.upkeep()
    assert gateway.standing().outstanding == 90

    await gateway.money.changed(policy)

    assert CAP not in gateway.held()


async def test_money_of_a_team_that_is_gone_goes_back(start: Start, make_key: MakeKey) -> None:
    """Nothing says what its limit is."""
    gateway, team = await holder_of_all(start, make_key)
    gateway.directory.keys = []

    await gateway.money.changed([ChangedObject("team", "chat", "chat")])

    assert gateway.held() == {CAP, BUDGET}
    assert team not in gateway.held()


async def test_money_of_a_month_that_is_over_goes_back(
    start: Start, make_key: MakeKey, clock: FakeClock
) -> None:
    """Its accounts are of no more use to anybody."""
    key = make_key(budget=500)
    gateway = start("a", key)
    await spend(gateway, key, 10)
    await gateway.service.upkeep()
    await gateway.money.forget_windows(clock.now().timestamp())
    assert gateway.held() == {CAP, BUDGET}
    clock.advance(days=10)
    await gateway.money.forget_windows(clock.now().timestamp())

    assert gateway.held() == set()


async def test_a_gateway_whose_place_was_taken_admits_nothing(start: Start, make_key: MakeKey) -> None:
    """Another process began its next life: what it holds is that one's to book, so it is refused, and told
    as an outage of the store; what it would give back is nobody else's.
    """
    key = make_key(budget=500)
    gateway = start("a", key)
    with gateway.store.write() as connection:
        bank.join(connection, gateway.holder.replica)

    assert (await refusal(gateway, key)).code == "store_unavailable"
    await gateway.money.changed(None)
    await gateway.money.leave()
    await gateway.money.forget_windows(START.timestamp())


async def test_a_limit_that_was_just_changed_elsewhere_is_known_before_money_is_granted(
    start: Start, make_key: MakeKey
) -> None:
    """The change is in the log and not in force here yet: it is, before the bank answers."""
    key = make_key(budget=500)
    gateway = start("a", key)
    with gateway.store.write() as connection:
        log_pause(connection, GATEWAY, paused_runaway())
        assert log_end(connection).id == 1
    await spend(gateway, key, 10)

    assert (gateway.directory.rounds, gateway.directory.seen) == (1, 1)


async def test_an_account_is_as_large_as_the_largest_budget_of_its_lineage(
    start: Start, make_key: MakeKey
) -> None:
    """In a rotation's overlap; of a lineage, a team or a window that nobody knows here the limit stays."""
    keys = [make_key(budget=300), make_key("key_01b", lineage_id="key_01a", budget=700)]
    gateway = start("a", *keys)
    terms = TermsInForce(gateway.store, gateway.directory, gateway.directory)
    quotas = {quota.counter_key: quota for quota in (await admitted(gateway, keys[0], 10)).quotas}
    unknown = {
        "lineage": replace(quotas[BUDGET], scope=Scope("key_of_nobody")),
        "team": replace(quotas[BUDGET], scope=Scope(team="nobody")),
    }

    assert terms.limits_of({**quotas, **unknown}) == ({CAP: 1_000, BUDGET: 700}, 0)
    gateway.directory.keys.append(make_key("key_01c", lineage_id="key_01a"))
    assert terms.limits_of(quotas)[0][BUDGET] is None


def test_only_totals_of_a_window_are_opened_as_accounts(start: Start) -> None:
    """What a rate limit counts is never money."""
    gateway = start("a")
    terms = TermsInForce(gateway.store, gateway.directory, gateway.directory)
    with pytest.raises(ValueError, match="rpm:k is of no window"):
        terms.open({"rpm:k": Quota("requests_per_minute", "rpm:k", "requests", 1, 60)})


async def test_a_recall_is_answered_with_what_lies_idle(start: Start, make_key: MakeKey) -> None:
    """Another gateway needs it; what is reserved stays."""
    key = make_key()
    gateway = start("a", key)
    await admitted(gateway, key, 10)
    heard: dict[str, Handler] = {}
    notifications: Any = SimpleNamespace(hear=heard.__setitem__)
    gateway.money.answer_recalls(notifications)
    assert gateway.standing().outstanding > 10
    (recalled,) = heard.values()
    await recalled(f'{{"from": "b", "round": 1, "subject": ["{CAP}"]}}')

    assert gateway.standing().outstanding == 10


async def test_a_batch_keeps_its_money_whoever_lives(start: Start, make_key: MakeKey) -> None:
    """It is moved to a holder of its own in the transaction that records the batch: the gateway that created
    it ends, another books the results, and the rest comes back.
    """
    key = make_key(budget=500)
    gateway, other = start("a", key), start("b", key)
    reservation = await admitted(gateway, key, 60)
    with gateway.store.write() as connection:
        gateway.service.metering.moves(reservation)(connection)
    await gateway.service.metering.keep(reservation, 200)
    await gateway.serve_a_round()
    assert other.standing().outstanding == 60

    with other.store.write() as connection:
        other.service.metering.book(connection, reservation.id, [])
    assert other.standing()[1:] == (0, 0)


async def test_what_batches_hold_counts_in_accounts_that_are_opened_later(
    start: Start, make_key: MakeKey
) -> None:
    """A budget that is set while they run, and all of a copied store: those of their scope,
    window and models. Their end gives it back.
    """
    key = make_key()
    gateway = start("a", key)
    held = {MODEL: 60, "llama-3.1-8b-instant": 40}
    for name, lineage_id, days_ago in (
        ("own", "key_01a", 0),
        ("other", "key_01b", 0),
        ("old", "key_01a", 60),
    ):
        at_us = round((START - timedelta(days=days_ago)).timestamp() * 1_000_000)
        with gateway.store.write() as connection:
            insert_batch(
                connection, BatchRecord(name, None, lineage_id, lineage_id, "chat", "f", {}, held, {}, at_us)
            )
    of_key = replace(key, budgets=(Budget("day", 150),))
    of_team = replace(key, team_bounds=Bounds(Limits(), (Budget("day", 250),)))
    of_model = replace(key, model_bounds={MODEL: Bounds(Limits(), (Budget("day", 75),))})
    for limited, left in ((of_key, 50), (of_team, 50), (of_model, 15)):
        gateway.directory.keys[:] = [limited]
        assert (await refusal(gateway, limited, left + 1)).reason.endswith("budget_day_reserved")
        await gateway.service.metering.settle(await admitted(gateway, limited, left), None, 503)

    with gateway.store.write() as connection:
        gateway.service.metering.book(connection, "own", [])
    await admitted(gateway, of_model, 75)


async def test_a_free_request_that_outlives_its_window_is_booked(
    start: Start, make_key: MakeKey, clock: FakeClock
) -> None:
    """Nothing is held for it in the window that is forgotten meanwhile."""
    key = replace(make_key(), budgets=(Budget("hour", 100),))
    gateway = start("a", key)
    reservation = await admitted(gateway, key, 0)
    clock.advance(hours=2)
    await gateway.money.forget_windows(clock.now().timestamp())
    await gateway.service.metering.settle(reservation, used(0), 200)
    assert gateway.service.metering.open_reservations == 0


async def test_accounts_of_windows_that_are_long_over_go(
    start: Start, make_key: MakeKey, clock: FakeClock
) -> None:
    """Hours and days would fill the database for ever. One gateway drops them for all."""
    gateway, other = start("a", make_key()), start("b", make_key())
    await spend(gateway, make_key(), 10)
    await gateway.service.upkeep()
    await gateway.money.leave()
    see_each_other(gateway, other)
    (leads, follows) = sorted((gateway, other), key=lambda each: each.store.leads, reverse=True)
    clock.advance(days=60)
    await follows.serve_a_round()
    with leads.store.read() as connection:
        assert bank.missing_accounts(connection, [CAP]) == set()
    await leads.serve_a_round()
    start_again = start("c")
    with start_again.store.read() as connection:
        assert bank.missing_accounts(connection, [CAP]) == {CAP}


@pytest.mark.parametrize("committed", [True, False])
async def test_money_of_a_batch_that_may_have_been_recorded_is_spent_by_nobody(
    start: Start, make_key: MakeKey, committed: bool
) -> None:
    """Whether the transaction that failed was committed is not known before this life ends."""
    key = make_key(budget=60)
    gateway = start("a", key)
    reservation = await admitted(gateway, key, 60)
    if committed:
        with gateway.store.write() as connection:
            gateway.service.metering.moves(reservation)(connection)
    await gateway.service.metering.not_moved(reservation)

    assert (await refusal(gateway, key, 60)).reason in {"budget", "budget_reserved"}
    assert gateway.service.metering.open_reservations == 0


async def test_what_an_operator_decides_is_corrected_at_the_bank(start: Start, make_key: MakeKey) -> None:
    """A request with a number that cannot be true costs what it reserved until it is booked at its cost."""
    key = make_key(budget=500)
    gateway = start("a", key)
    reservation = await admitted(gateway, key, 30)
    await gateway.service.metering.settle(reservation, used(2**64), 200)
    await gateway.service.upkeep()
    assert gateway.standing().settled == 30
    with gateway.store.write() as connection:
        (number,) = [each.id for each in read_set_aside(connection)]
        assert decide(connection, number, 4)
    await gateway.service.upkeep()

    assert (gateway.standing().settled, gateway.standing(BUDGET).settled) == (4, 4)


def test_what_counts_in_no_account_is_settled_in_none(start: Start) -> None:
    """An account that is opened later begins with what the ledger holds."""
    gateway = start("a")
    books = BankBooks(gateway.holder)
    with gateway.store.write() as connection:
        assert books.book(connection, []) == {}


async def test_the_uses_of_keys_are_reported_before_they_are_in_the_ledger(
    start: Start, make_key: MakeKey, clock: FakeClock
) -> None:
    """In flight or waiting to be written, the later one counts: another gateway may be asked to delete."""
    key = make_key(budget=500)
    gateway = start("a", key)
    await spend(gateway, key, 10)
    clock.advance(seconds=5)
    await admitted(gateway, key, 10)
    other = start("b", key)
    await gateway.serve_a_round()

    with other.store.read() as connection:
        assert reported_use(connection, key.key_id) == clock.now()
        assert set(reported_uses(connection, 0)) == {key.key_id}


async def test_the_uses_of_keys_are_reported_when_somebody_asks(start: Start, make_key: MakeKey) -> None:
    """At once, without the round that would report them a second later."""
    key = make_key(budget=500)
    gateway, other = start("a", key), start("b", key)
    await admitted(gateway, key, 10)
    await gateway.service.report()

    with other.store.read() as connection:
        assert set(reported_uses(connection, 0)) == {key.key_id}


async def test_spend_after_a_quiet_time_is_seen_once_the_rounds_left_out_are_over(
    start: Start, make_key: MakeKey
) -> None:
    """While nobody writes, a gateway asks in one round of so many whether anybody has."""
    key = make_key()
    gateway, other = start("a", key), start("b", key)
    await other.service.upkeep()
    await spend(gateway, key, 10)
    await gateway.service.upkeep()
    seen = []
    for _ in range(LEFT_OUT + 1):
        await other.service.upkeep()
        seen.append(other.service.usage.month_spend_micro_usd(START))

    assert seen == [0] * LEFT_OUT + [10]


async def test_a_cap_that_refuses_here_has_refused_at_the_others(start: Start, make_key: MakeKey) -> None:
    """They show the policy as paused, and fire the alert at the cap."""
    key = make_key()
    gateway, other = start("a", key), start("b", key)
    await spend(gateway, key, 990)
    assert (await refusal(gateway, key, 20)).reason == "cap"
    assert not other.service.usage.cap_has_refused(START, 1_000)
    await admitted(gateway, key, 5)  # so that it stays among them after its end
    await gateway.serve_a_round()
    other.store.watch()
    await other.service.upkeep()

    assert other.service.usage.cap_has_refused(START, 1_000)
    assert not other.service.usage.cap_has_refused(START, 2_000)


async def test_a_threshold_is_announced_by_one_gateway(start: Start, make_key: MakeKey) -> None:
    """Both see that it is reached: the first to write it down posts it, and the other knows that it fired."""
    key = make_key()
    gateways = [start("a", key), start("b", key)]
    see_each_other(*gateways)
    for gateway in gateways:
        gateway.cap(1_000, 10)
        gateway.bench.webhooks(URL)
    await spend(gateways[0], key, 20)
    for gateway in gateways:
        await gateway.service.upkeep()
        await gateway.bench.background.finish_jobs()

    assert [len(gateway.bench.sender.posted) for gateway in gateways] == [1, 0]
    assert [gateway.bench.events.fired for gateway in gateways] == [[10], []]
    assert len(gateways[1].service.usage.alerts_sent(START)) == 1


ALERT = Alert("2026-11", 10, 20, 1_000, START)


async def test_an_alert_is_left_to_the_gateway_that_sends_it(start: Start) -> None:
    """As long as that one lives."""
    gateway, other = start("a"), start("b")
    see_each_other(gateway, other)
    gateway.bench.webhooks(URL)
    with other.store.write() as connection:
        assert claim_alert(connection, of_threshold(ALERT).id, other.holder.replica, [], START)
    gateway.service.deliveries.start(of_threshold(ALERT))
    await gateway.bench.background.finish_jobs()

    assert gateway.bench.sender.posted == []


async def test_an_alert_that_was_taken_over_meanwhile_is_tried_no_more(start: Start) -> None:
    """This gateway was not heard of for a while, between two attempts."""
    gateway = start("a")
    gateway.bench.webhooks(URL)
    gateway.bench.sender.answers = [500, 200]

    def taken_over() -> None:
        with gateway.store.write() as connection:
            assert claim_alert(connection, of_threshold(ALERT).id, "b", [], START)

    gateway.bench.sender.meanwhile = taken_over
    gateway.service.deliveries.start(of_threshold(ALERT))
    await gateway.bench.background.finish_jobs()

    assert len(gateway.bench.sender.posted) == 1


async def test_the_alerts_of_a_gateway_that_is_gone_are_taken_over(start: Start) -> None:
    """It had written them down and died before any receiver had them: a threshold and a runaway."""
    gateway = start("a")
    gateway.bench.webhooks(URL)
    announced = [of_threshold(ALERT), of_runaway(paused_runaway())]
    with gateway.store.write() as connection:
        insert_alert(connection, ALERT)
        insert_runaways(connection, [paused_runaway()])
        for each in announced:
            assert claim_alert(connection, each.id, "gone", [], START)
    posted = asyncio.Event()

    def note() -> None:
        if len(gateway.bench.sender.posted) == len(announced):
            posted.set()

    gateway.bench.sender.meanwhile = note
    async with gateway.service.serving(), asyncio.timeout(60):
        await posted.wait()

    assert {body for _, body, _ in gateway.bench.sender.posted} == {each.body for each in announced}


def paused_runaway() -> Runaway:
    return Runaway("key_01a", START, "key_01a", "chatbot", "chat", "pause_key", 30, 20, None, None)


async def test_a_pause_at_one_gateway_is_a_pause_at_all(start: Start, make_key: MakeKey) -> None:
    """And its end is one at all; what a gateway has found and not written yet stays in force there."""
    key = make_key(runaway=RunawayLimit(1_000_000, None, "pause_key", None))
    gateway = start("a", key)
    with gateway.store.write() as connection:
        insert_runaways(connection, [paused_runaway()])
    await gateway.service.guard.follow(None)
    assert (await refusal(gateway, key)).code == "key_paused_runaway"
    with gateway.store.write() as connection:
        assert end_pause(connection, "key_01a", START + timedelta(minutes=1))
    await gateway.service.guard.follow(None)

    await admitted(gateway, key, 10)


async def test_what_a_guarded_key_spends_elsewhere_is_watched_here(start: Start, make_key: MakeKey) -> None:
    """A loop that goes through all gateways is found by each, not by none."""
    guard = RunawayLimit(50_000, None, "pause_key", None)
    key, unguarded = make_key(runaway=guard), make_key("key_01b")
    gateway, other = start("a", key, unguarded), start("b", key, unguarded)
    for each in (gateway, other):
        each.cap(10_000_000)
    await spend(other, key, 10)
    await spend(gateway, key, 60_000)
    await spend(gateway, unguarded, 60_000)
    await gateway.service.upkeep()
    await other.service.upkeep()
    await other.service.upkeep()

    assert other.service.guard.spent("key_01a", START) == 60_010
    assert (await refusal(other, key)).code == "key_paused_runaway"


async def test_the_parts_of_a_batch_by_model_are_held_too(start: Start, make_key: MakeKey) -> None:
    """A key with budgets of single models: what is moved for a batch is of those accounts, too."""
    key = replace(make_key(), model_bounds={MODEL: Bounds(Limits(), (Budget("month", 100),))})
    gateway = start("a", key)
    demand = Demand(MODEL, 10, 70, {MODEL: 70})
    reservation = await gateway.service.metering.admit(key, demand, "req_batch")
    assert isinstance(reservation, Reservation)
    with gateway.store.write() as connection:
        gateway.service.metering.moves(reservation)(connection)
    await gateway.service.metering.keep(reservation, 200)

    over = Demand(MODEL, 10, 40, {MODEL: 40})
    denial = await gateway.service.metering.admit(key, over, "req_more")
    assert isinstance(denial, Denial)
    assert denial.reason.startswith("model_budget")
    assert gateway.held("hold:req_batch") >= {CAP}


async def test_only_former_lives_are_closed(start: Start, make_key: MakeKey) -> None:
    """What this one holds is its own, whenever it looks for what others left."""
    key = make_key(budget=500)
    gateway = start("a", key)
    await spend(gateway, key, 10)
    close_former(gateway.store, gateway.holder)

    assert gateway.held() == {CAP, BUDGET}
    assert former_life(gateway.store, gateway.holder) == gateway.holder
