"""What a window has cost so far: with that an account of the bank begins that is opened in mid-window."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, select

from pulumi_groq.gateway.store.schema import ledger, usage_by_day, whole_sum
from pulumi_groq.gateway.store.set_aside import SetAside, read_set_aside
from pulumi_groq.policy.limits import Scope
from pulumi_groq.policy.windows import Window, day_of


def spent_in(connection: Connection, scope: Scope, window: Window) -> int:
    """Micro-dollars that the requests of this scope have cost which were admitted in the window: those in the
    ledger, and those set aside with what they are charged.
    """
    table = ledger if window.per == "hour" else usage_by_day
    booked = select(whole_sum(table.c.cost_micro_usd)).where(_of(table, scope), _within(table, window))
    aside = (kept.what for kept in read_set_aside(connection))
    return (connection.scalar(booked) or 0) + sum(
        each.charged_micro_usd for each in aside if _counts(each, scope, window)
    )


def _of(table: Table, scope: Scope) -> Any:
    """`and_` of nothing would be deprecated: everything has a cost."""
    which = table.c.cost_micro_usd >= 0
    for column, wanted in (("lineage_id", scope.lineage_id), ("team", scope.team), ("model", scope.model)):
        if wanted is not None:
            which = which & (table.c[column] == wanted)
    return which


def _within(table: Table, window: Window) -> Any:
    if table is ledger:
        started = table.c.started_us
        return (started >= window.from_s * 1_000_000) & (started < window.until_s * 1_000_000)
    last = datetime.fromtimestamp(window.until_s, UTC) - timedelta(days=1)
    first = datetime.fromtimestamp(window.from_s, UTC)
    return table.c.day.between(day_of(first), day_of(last))


def _counts(aside: SetAside, scope: Scope, window: Window) -> bool:
    if not window.holds(aside.started_us / 1_000_000):
        return False
    wanted = ((scope.lineage_id, aside.lineage_id), (scope.team, aside.team), (scope.model, aside.model))
    return all(want is None or want == found for want, found in wanted)
