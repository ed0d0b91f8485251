"""Alerts: once a threshold and month, over restarts, told to every URL."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from key_factory import MakeKey
from metering_bench import START, Bench, used
from pulumi_groq.gateway.metering.reservations import Reservation
from pulumi_groq.gateway.metering.service import MeteringService
from pulumi_groq.gateway.store.schema import alert_deliveries

URL = "https://hooks.example/one"
OTHER_URL = "https://hooks.example/two"


async def round_of(bench: Bench, service: MeteringService) -> None:
    """Upkeep, and all deliveries that it starts."""
    await service.upkeep()
    await bench.background.finish_jobs()


async def test_each_threshold_fires_once(bench: Bench, make_key: MakeKey) -> None:
    """Passing two thresholds at once fires both; more spend fires none of them again."""
    bench.cap(1000, 10, 20, 500)
    service = bench.open()
    for _ in range(3):
        await bench.spend(service, make_key(), 25)
        await round_of(bench, service)

    assert bench.events.fired == [10, 20]
    sent = service.usage.alerts_sent(START)
    assert [(int(alert.threshold_usd * 1_000_000), alert.sent_at) for alert in sent] == [
        (10, START),
        (20, START),
    ]


async def test_a_threshold_fires_when_it_is_reached_exactly(bench: Bench, make_key: MakeKey) -> None:
    """At the threshold, not beyond it; reservations do not count."""
    bench.cap(1000, 10)
    service = bench.open()
    await bench.admit(service, make_key(), cost=500)
    await bench.spend(service, make_key(), 9)
    await round_of(bench, service)
    assert bench.events.fired == []
    await bench.spend(service, make_key(), 1)
    await round_of(bench, service)

    assert bench.events.fired == [10]


async def test_a_threshold_at_the_cap_fires_when_the_cap_refuses(bench: Bench, make_key: MakeKey) -> None:
    """Worst cases keep spend a little below the cap, and yet its alert is sent: not for what is only in
    flight, and not for a cap that was raised since.
    """
    bench.cap(100, 100)
    service = bench.open()
    await bench.spend(service, make_key(), 95)
    await round_of(bench, service)
    assert bench.events.fired == []
    in_flight = await bench.admit(service, make_key(), cost=5)
    await bench.admit(service, make_key(), cost=5)
    await round_of(bench, service)
    assert bench.events.fired == []
    assert isinstance(in_flight, Reservation)
    await service.metering.settle(in_flight, None, 200)
    await bench.admit(service, make_key(), cost=6)
    bench.cap(200, 100, 200)
    await round_of(bench, service)
    assert bench.events.fired == []
    bench.cap(100, 100)
    await round_of(bench, service)

    assert bench.events.fired == [100]


async def test_a_request_above_the_whole_cap_fires_nothing(bench: Bench, make_key: MakeKey) -> None:
    """It is too large for any month: nothing is reached, and smaller ones are admitted."""
    bench.cap(100, 100)
    service = bench.open()
    refused = await bench.admit(service, make_key(), cost=101)
    await round_of(bench, service)
    admitted = await bench.admit(service, make_key(), cost=5)

    assert not isinstance(refused, Reservation)
    assert isinstance(admitted, Reservation)
    assert bench.events.fired == []


async def test_alerts_do_not_need_auto_pause(bench: Bench, make_key: MakeKey) -> None:
    """Without auto-pause the alerts are all that there is."""
    bench.cap(10, 10, auto_pause=False)
    service = bench.open()
    await bench.spend(service, make_key(), 25)
    await round_of(bench, service)

    assert bench.events.fired == [10]


async def test_a_new_month_fires_again(bench: Bench, make_key: MakeKey) -> None:
    """Thresholds are per UTC month."""
    bench.cap(1000, 10)
    service = bench.open()
    for _ in range(2):
        await bench.spend(service, make_key(), 10)
        await round_of(bench, service)
        bench.clock.advance(days=10)

    assert bench.events.fired == [10, 10]
    assert len(service.usage.alerts_sent(bench.clock.now())) == 1


async def test_what_the_last_requests_of_a_month_reach_fires_in_the_next(
    bench: Bench, make_key: MakeKey
) -> None:
    """Settled after midnight, it is of the month of its admission; thresholds that are set now are not."""
    bench.cap(1000, 10, 90, 200)
    service = bench.open()
    bench.clock.time = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    await bench.spend(service, make_key(), 50)
    slow, slower = [await bench.admit(service, make_key(), cost=50) for _ in range(2)]
    await round_of(bench, service)
    assert bench.events.fired == [10]
    bench.clock.advance(seconds=2)
    await round_of(bench, service)
    assert isinstance(slow, Reservation)
    await service.metering.settle(slow, used(50), 200)
    for _ in range(2):
        await round_of(bench, service)
    assert bench.events.fired == [10, 90]
    bench.cap(1000, 10, 90, 95, 120, 200)
    await round_of(bench, service)
    assert bench.events.fired == [10, 90]
    assert isinstance(slower, Reservation)
    await service.metering.settle(slower, used(50), 200)
    await round_of(bench, service)
    assert bench.events.fired == [10, 90, 120]
    assert [alert.sent_at for alert in service.usage.alerts_sent(bench.clock.time)] == []


async def test_a_restart_does_not_fire_again(bench: Bench, make_key: MakeKey) -> None:
    """What has fired is in the store before anybody is told."""
    bench.cap(1000, 10)
    bench.webhooks(URL)
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)
    again = bench.open()
    again.resume_deliveries()
    await round_of(bench, again)

    assert bench.events.fired == [10]
    assert len(bench.sender.posted) == 1
    assert len(again.usage.alerts_sent(START)) == 1


async def test_a_restart_goes_on_with_a_delivery_that_had_not_ended(bench: Bench, make_key: MakeKey) -> None:
    """A URL that was not reached before the process ended is told afterwards, another is not told twice."""
    bench.cap(1000, 10)
    bench.webhooks(URL)
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)
    bench.webhooks(URL, OTHER_URL)
    again = bench.open()
    again.resume_deliveries()
    await bench.background.finish_jobs()

    assert [url for url, _, _ in bench.sender.posted] == [URL, OTHER_URL]


async def test_a_delivery_is_not_resumed_after_a_day(bench: Bench, make_key: MakeKey) -> None:
    """Old news stays untold."""
    bench.cap(1000, 10)
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)
    bench.clock.advance(hours=25)
    bench.webhooks(URL)
    again = bench.open()
    again.resume_deliveries()
    await bench.background.finish_jobs()

    assert bench.sender.posted == []


async def test_failures_are_tried_again_with_longer_and_longer_waits(bench: Bench, make_key: MakeKey) -> None:
    """No answer, 5xx and 4xx alike; every attempt carries the same id."""
    bench.cap(1000, 10)
    bench.webhooks(URL)
    bench.sender.answers = [0, 503, 404, 200]
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)

    assert {headers["webhook-id"] for _, _, headers in bench.sender.posted} == {"alert_2026-11_10"}
    assert len(bench.sender.posted) == 4
    assert [0.5 <= bench.slept_s[0] <= 1, 1 <= bench.slept_s[1] <= 2, 2 <= bench.slept_s[2] <= 4] == [
        True
    ] * 3
    assert bench.events.deliveries == ["delivered"]


@pytest.mark.parametrize(("asked_s", "slept_s"), [(120, [120, 120]), (0, [])])
async def test_a_receiver_is_left_alone_as_long_as_it_asks(
    bench: Bench, make_key: MakeKey, asked_s: int, slept_s: list[int]
) -> None:
    """Its `retry-after` counts where it is longer than the wait of the schedule."""
    bench.cap(1000, 10)
    bench.webhooks(URL)
    bench.sender.answers = [429, 503, 200]
    bench.sender.retry_after_s = asked_s
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)

    assert len(bench.sender.posted) == 3
    assert [slept for slept in bench.slept_s if slept > 2] == slept_s


@pytest.mark.parametrize(("answers", "attempts"), [([410], 1), ([500] * 50, 12)])
async def test_a_url_is_given_up(bench: Bench, make_key: MakeKey, answers: list[int], attempts: int) -> None:
    """At once when it is gone for good, else after the last attempt; a restart does not begin again."""
    bench.cap(1000, 10)
    bench.webhooks(URL)
    bench.sender.answers = answers
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)
    again = bench.open()
    again.resume_deliveries()
    await bench.background.finish_jobs()

    assert len(bench.sender.posted) == attempts
    assert bench.events.deliveries == ["given_up"]
    with bench.store.read() as connection:
        assert connection.scalars(select(alert_deliveries.c.attempts)).all() == [attempts]


async def test_a_url_that_left_the_policy_is_told_nothing_more(bench: Bench, make_key: MakeKey) -> None:
    """Attempts end with the URL's time in the policy."""
    bench.cap(1000, 10)
    bench.webhooks(URL)
    bench.sender.answers = [500, 500]
    bench.sender.meanwhile = bench.webhooks
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)

    assert len(bench.sender.posted) == 1


async def test_the_body_says_what_was_reached(bench: Bench, make_key: MakeKey) -> None:
    """Amounts in US dollars, and a text for chat services."""
    bench.cap(500_000_000, 100_000_000)
    bench.webhooks(URL)
    service = bench.open()
    await bench.spend(service, make_key(), 100_250_000)
    await round_of(bench, service)

    _, body, headers = bench.sender.posted[0]
    assert json.loads(body) == {
        "type": "spend.threshold_reached",
        "timestamp": "2026-11-23T12:00:00Z",
        "text": "Groq spend in 2026-11: $100.25 of $500; the alert at $100 is reached.",
        "data": {"month": "2026-11", "threshold_usd": 100, "spent_usd": 100.25, "monthly_cap_usd": 500},
    }
    assert "webhook-signature" not in headers


async def test_no_log_line_holds_a_url(
    bench: Bench, make_key: MakeKey, caplog: pytest.LogCaptureFixture
) -> None:
    """URLs may hold tokens; a failure names the host only."""
    bench.cap(1000, 10)
    bench.webhooks("https://hooks.example/token-T0P")
    bench.sender.answers = [0, 500]
    service = bench.open()
    await bench.spend(service, make_key(), 10)
    await round_of(bench, service)

    assert "hooks.example" in caplog.text
    assert "T0P" not in caplog.text
