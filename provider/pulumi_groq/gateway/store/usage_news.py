"""What other gateways have booked since one last looked: sums of the keys concerned, and uses of keys."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, literal_column, or_, select

from pulumi_groq.gateway.store.batches import BookedBatch, booked_batches
from pulumi_groq.gateway.store.ledger import KeyDaySums
from pulumi_groq.gateway.store.replicas import reported_uses
from pulumi_groq.gateway.store.schema import commits, usage_by_day, whole_sum
from pulumi_groq.gateway.store.set_aside import SetAside, read_set_aside
from pulumi_groq.policy.windows import day_at


class UsageNews(NamedTuple):
    """As of the write number `newest`: whole days and whole months (as `day` they have `YYYY-MM`) of every
    key that was written to, oldest first; when keys were last used, and the lineages of those that were
    written to; all that is set aside; by key and day what batches that were booked since have cost of that.
    """

    newest: int
    days: Sequence[KeyDaySums]
    months: Sequence[KeyDaySums]
    last_used: Mapping[str, datetime]
    lineages: Mapping[str, str]
    set_aside: Collection[SetAside]
    of_batches: Mapping[tuple[str, str], int]


def newest_write(connection: Connection) -> int:
    """The number of the last write."""
    return connection.scalar(select(commits.c.count)) or 0


def usage_news(
    connection: Connection, after_write: int, since_day: str, since_month: str, besides: Collection[str]
) -> UsageNews | None:
    """What was written after that write: days from `since_day`, months from `since_month`, and those of the
    keys `besides`, too. `None` where that is nothing.
    """
    newest = newest_write(connection)
    if newest == after_write and not besides:
        return None
    columns = usage_by_day.c
    set_aside = [kept.what for kept in read_set_aside(connection)]
    named = {*besides, *(each.key_id for each in set_aside if each.key_id is not None)}
    written = columns.written_in > after_write
    concerned = or_(
        columns.key_id.in_(select(columns.key_id).where(written)), columns.key_id.in_(sorted(named))
    )
    month = func.substr(columns.day, literal_column("1"), literal_column("7"))
    used = select(columns.key_id, func.max(columns.last_used_at), func.max(columns.lineage_id))
    uses = connection.execute(used.where(written).group_by(columns.key_id)).all()
    return UsageNews(
        newest=newest,
        days=_sums(connection, columns.day, concerned & (columns.day >= since_day)),
        months=_sums(connection, month, concerned & (columns.day >= f"{since_month}-01")),
        last_used=_latest(
            {key_id: used_at for key_id, used_at, _ in uses}, reported_uses(connection, after_write)
        ),
        lineages={key_id: lineage_id for key_id, _, lineage_id in uses},
        set_aside=set_aside,
        of_batches=_by_key_and_day(booked_batches(connection, after_write)),
    )


def _sums(connection: Connection, span: ColumnElement[str], which: ColumnElement[bool]) -> list[KeyDaySums]:
    columns = usage_by_day.c
    statement = (
        select(
            columns.key_id,
            span,
            whole_sum(columns.requests),
            whole_sum(columns.prompt_tokens + columns.completion_tokens),
            whole_sum(columns.cost_micro_usd),
        )
        .where(which)
        .group_by(columns.key_id, span)
        .order_by(span)
    )
    return [KeyDaySums(*row) for row in connection.execute(statement)]


def _by_key_and_day(booked: Iterable[BookedBatch]) -> Mapping[tuple[str, str], int]:
    costs: Counter[tuple[str, str]] = Counter()
    for each in booked:
        costs[each.key_id, day_at(each.started_us / 1_000_000)] += each.cost_micro_usd
    return costs


def _latest(some: Mapping[str, datetime], others: Mapping[str, datetime]) -> Mapping[str, datetime]:
    latest = dict(some)
    for key_id, at in others.items():
        latest[key_id] = max(at, latest.get(key_id, at))
    return latest
