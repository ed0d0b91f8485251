"""A key's guard against runaway spend between the API's dollars and the gateway's micro-dollars."""

from datetime import datetime
from functools import partial

from pulumi_groq.gateway.admin.changes import PendingChange
from pulumi_groq.gateway.protocols import Pauses
from pulumi_groq.gateway.store.change_log import log_resumption
from pulumi_groq.gateway.store.runaways import Runaway, end_pause
from pulumi_groq.models.fields import micro_usd, usd
from pulumi_groq.models.runaway import KeyPause, RunawayGuard
from pulumi_groq.policy.runaway import RunawayLimit


def guard_of(declared: RunawayGuard | None) -> RunawayLimit | None:
    """A declared guard in micro-dollars."""
    if declared is None:
        return None
    amount = declared.spend_usd_per_10_min
    return RunawayLimit(
        spend_micro_usd_per_10_min=None if amount is None else micro_usd(amount),
        times_usual=declared.times_usual,
        action=declared.action,
        resume_after_minutes=declared.resume_after_minutes,
    )


def guard_shown(limit: RunawayLimit) -> RunawayGuard:
    """A guard in dollars."""
    amount = limit.spend_micro_usd_per_10_min
    return RunawayGuard(
        spend_usd_per_10_min=None if amount is None else usd(amount),
        times_usual=limit.times_usual,
        action=limit.action,
        resume_after_minutes=limit.resume_after_minutes,
    )


def end_pause_of(pauses: Pauses, change: PendingChange, lineage_id: str, now: datetime) -> None:
    """Let a lineage of keys, or a workload identity, go on if it is paused."""
    pause = pauses.pause_of(lineage_id)
    if pause is not None and end_pause(change.connection, lineage_id, now):
        log_resumption(change.connection, change.actor, pause, now)
        change.then(partial(pauses.resumed, lineage_id))


def pause_shown(pause: Runaway | None) -> KeyPause | None:
    """A pause in dollars."""
    if pause is None:
        return None
    return KeyPause(
        since=pause.at,
        spent_usd=usd(pause.spent_micro_usd),
        allowed_usd=usd(pause.allowed_micro_usd),
        resumes_at=pause.resumes_at,
    )
