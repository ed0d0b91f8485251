"""Alerts in the store: which thresholds have fired this month, and which URLs know of it."""

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from sqlalchemy import Column, Connection, String, Table, select

from pulumi_groq.gateway.store.column_types import UtcTimestamp
from pulumi_groq.gateway.store.schema import alert_deliveries, alerts_sent, metadata
from pulumi_groq.gateway.store.upsert import upsert

# Which replica sends an alert, where several share the store.
alert_senders = Table(
    "alert_senders",
    metadata,
    Column("alert_id", String(128), primary_key=True),
    Column("sender", String(128), nullable=False),
    Column("at", UtcTimestamp, nullable=False),
)

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


def insert_alert(connection: Connection, alert: Alert) -> Alert | None:
    """Write an alert; where its threshold has fired before in its month, that stays, and is given."""
    columns = alerts_sent.c
    new = upsert(connection.dialect, alerts_sent).values(**alert._asdict())
    if connection.scalar(new.on_conflict_do_nothing().returning(columns.month)) is not None:
        return None
    fired = select(alerts_sent).where(
        columns.month == alert.month, columns.threshold_micro_usd == alert.threshold_micro_usd
    )
    return Alert(*connection.execute(fired).one())


def claim_alert(
    connection: Connection, alert_id: str, sender: str, live: Collection[str], at: datetime
) -> bool:
    """Have the replica `sender` send an alert, unless another one that is `live` does; whether it is to."""
    columns = alert_senders.c
    new = upsert(connection.dialect, alert_senders).values(alert_id=alert_id, sender=sender, at=at)
    connection.execute(
        new.on_conflict_do_update(
            index_elements=["alert_id"],
            set_={"sender": sender},
            where=columns.sender.not_in({sender, *live}),
        )
    )
    return sender_of(connection, alert_id) == sender


def sender_of(connection: Connection, alert_id: str) -> str | None:
    """The replica that is to send an alert."""
    return connection.scalar(select(alert_senders.c.sender).where(alert_senders.c.alert_id == alert_id))


def left_alerts(connection: Connection, live: Collection[str], since: datetime) -> set[str]:
    """The alerts since a time that were to be sent by replicas which do not live any more."""
    columns = alert_senders.c
    left = select(columns.alert_id).where(columns.at >= since, columns.sender.not_in(sorted(live)))
    return set(connection.scalars(left))


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
        upsert(connection.dialect, alert_deliveries).on_conflict_do_nothing(),
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
