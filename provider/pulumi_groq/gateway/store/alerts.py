"""Alerts in the store: which thresholds have fired this month, and which URLs know of it."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from sqlalchemy import Connection, select

from pulumi_groq.gateway.store.schema import alert_deliveries, alerts_sent
from pulumi_groq.gateway.store.upsert import upsert

DeliveryOutcome = Literal["delivered", "given_up"]


class Alert(NamedTuple):
    """A threshold that was reached in `month`, with what was spent and the cap at that moment."""

    month: str
    threshold_micro_usd: int
    spent_micro_usd: int
    cap_micro_usd: int
    sent_at: datetime


class Delivery(NamedTuple):
    """The end of telling one URL of the alert `alert_id`."""

    alert_id: str
    url: str
    outcome: DeliveryOutcome
    attempts: int
    done_at: datetime


def read_alerts(connection: Connection) -> list[Alert]:
    """Every alert of every month, in order."""
    columns = alerts_sent.c
    statement = select(alerts_sent).order_by(columns.month, columns.threshold_micro_usd)
    return [Alert(*row) for row in connection.execute(statement)]


def insert_alerts(connection: Connection, alerts: Sequence[Alert]) -> None:
    """Write alerts; a threshold that has already fired in its month stays as it is."""
    if alerts:
        statement = upsert(connection, alerts_sent).on_conflict_do_nothing()
        connection.execute(statement, [alert._asdict() for alert in alerts])


def is_done(connection: Connection, alert_id: str, url: str) -> bool:
    """Whether the URL needs no more to be told of the alert."""
    columns = alert_deliveries.c
    statement = select(columns.outcome).where(
        columns.alert_id == alert_id, columns.url_digest == url_digest(url)
    )
    return connection.execute(statement).first() is not None


def insert_delivery(connection: Connection, delivery: Delivery) -> None:
    """Remember that nothing is left to do for this alert and URL."""
    connection.execute(
        upsert(connection, alert_deliveries).on_conflict_do_nothing(),
        {
            "alert_id": delivery.alert_id,
            "url_digest": url_digest(delivery.url),
            "outcome": delivery.outcome,
            "attempts": delivery.attempts,
            "done_at": delivery.done_at,
        },
    )


def url_digest(url: str) -> str:
    """Stands for a URL where the URL itself must not appear, since it may hold a token."""
    return sha256(url.encode()).hexdigest()
