"""An alert is one for all gateways on a store, and somebody sends it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pulumi_groq.gateway.store.alerts import (
    Alert,
    claim_alert,
    insert_alert,
    left_alerts,
    read_alerts,
    sender_of,
)
from pulumi_groq.gateway.store.store import Store

NOW = datetime(2026, 11, 26, tzinfo=UTC)
DAY = timedelta(days=1)
ALERT = Alert("2026-11", 100, 120, 500, NOW)


def test_a_threshold_fires_once_whoever_comes_second(open_any: Callable[[], Store]) -> None:
    """The second one learns what the first has written."""
    later = ALERT._replace(spent_micro_usd=130, sent_at=NOW + DAY)
    with open_any().write() as connection:
        assert insert_alert(connection, ALERT) is None
        assert insert_alert(connection, later) == ALERT
        assert read_alerts(connection) == [ALERT]


def test_one_gateway_sends_an_alert_as_long_as_it_lives(open_any: Callable[[], Store]) -> None:
    """Whoever claims it first; once that one is dead, whoever claims it next."""
    with open_any().write() as connection:
        assert claim_alert(connection, "alert", "a", ["a", "b"], NOW)
        assert claim_alert(connection, "alert", "a", ["a", "b"], NOW)
        assert not claim_alert(connection, "alert", "b", ["a", "b"], NOW)
        assert claim_alert(connection, "alert", "b", ["b"], NOW)
        assert not claim_alert(connection, "alert", "a", ["a", "b"], NOW)
        assert sender_of(connection, "alert") == "b"


def test_what_the_dead_were_to_send_is_left(open_any: Callable[[], Store]) -> None:
    """Not what the living send, nor what is too old."""
    with open_any().write() as connection:
        for name, sender, at in (("1", "dead", NOW), ("2", "alive", NOW), ("3", "dead", NOW - 2 * DAY)):
            claim_alert(connection, name, sender, [sender], at)
        assert left_alerts(connection, ["alive"], NOW - DAY) == {"1"}
