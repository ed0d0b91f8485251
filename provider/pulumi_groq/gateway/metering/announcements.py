"""What the webhooks say: a spending threshold that was reached, and a key whose spend is a runaway."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pulumi_groq.gateway.store.alerts import Alert, read_alerts
from pulumi_groq.gateway.store.runaways import Runaway, read_runaways
from pulumi_groq.gateway.store.store import Connection
from pulumi_groq.models.fields import json_number, usd, wire_time
from pulumi_groq.models.workload_identity import is_identity_id


class Announcement(NamedTuple):
    """One alert as it is posted; `id` is the same in every attempt, before and after a restart."""

    id: str
    at: datetime
    body: bytes


def read_announcements(connection: Connection, now: datetime) -> list[Announcement]:
    """All alerts of the last day and before, as they are in the store."""
    runaways = read_runaways(connection, now - timedelta(days=1))
    return [*map(of_threshold, read_alerts(connection)), *map(of_runaway, runaways)]


def of_threshold(alert: Alert) -> Announcement:
    """`spend.threshold_reached`."""
    threshold, spent, cap = (
        json_number(usd(amount))
        for amount in (alert.threshold_micro_usd, alert.spent_micro_usd, alert.cap_micro_usd)
    )
    return Announcement(
        f"alert_{alert.month}_{alert.threshold_micro_usd}",
        alert.sent_at,
        _body(
            "spend.threshold_reached",
            alert.sent_at,
            f"Groq spend in {alert.month}: ${spent} of ${cap}; the alert at ${threshold} is reached.",
            {
                "month": alert.month,
                "threshold_usd": threshold,
                "spent_usd": spent,
                "monthly_cap_usd": cap,
            },
        ),
    )


def of_runaway(runaway: Runaway) -> Announcement:
    """`key.runaway`, with whether the key was paused."""
    spent, allowed = (
        json_number(usd(amount)) for amount in (runaway.spent_micro_usd, runaway.allowed_micro_usd)
    )
    usual = None if runaway.usual_micro_usd is None else json_number(usd(runaway.usual_micro_usd))
    paused = runaway.action == "pause_key"
    return Announcement(
        f"runaway_{runaway.lineage_id}_{round(runaway.at.timestamp() * 1_000_000)}",
        runaway.at,
        _body(
            "key.runaway",
            runaway.at,
            f"Groq {_holder(runaway)} {runaway.key_name} ({runaway.key_id}) spent ${spent} in 10 minutes, "
            f"where ${allowed} are allowed. {_what_now(runaway)}",
            {
                "key_id": runaway.key_id,
                "key_name": runaway.key_name,
                "team": runaway.team,
                "lineage_id": runaway.lineage_id,
                "spent_usd": spent,
                "allowed_usd": allowed,
                "usual_usd": usual,
                "paused": paused,
                "resumes_at": None if runaway.resumes_at is None else wire_time(runaway.resumes_at),
            },
        ),
    )


def _holder(runaway: Runaway) -> str:
    return "workload identity" if is_identity_id(runaway.key_id) else "key"


def _what_now(runaway: Runaway) -> str:
    if runaway.action == "alert":
        return "It goes on."
    by_hand = f"`pulumi-groq keys resume {runaway.key_id}`"
    if runaway.resumes_at is None:
        return f"It is paused until {by_hand}."
    return f"It is paused until {wire_time(runaway.resumes_at)}, or {by_hand}."


def _body(kind: str, at: datetime, text: str, data: Mapping[str, Any]) -> bytes:
    """The JSON body. `text` is for chat services that show a field of this name."""
    said = {"type": kind, "timestamp": wire_time(at), "text": text, "data": data}
    return json.dumps(said, separators=(",", ":")).encode()
