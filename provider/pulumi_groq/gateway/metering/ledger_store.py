"""The ledger's SQL: rows with their daily sums in one transaction, and what is read back at start."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Dialect, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from pulumi_groq.gateway.metering.entries import LedgerRow
from pulumi_groq.gateway.store.ledger_schema import denials_by_day, ledger, usage_by_day
from pulumi_groq.policy.spend import day_at

_IDS_PER_QUERY: Final = 500


class DeniedRequests(NamedTuple):
    """What denials are counted by."""

    day: str
    key_id: str
    model: str
    reason: str


class KeyDaySums(NamedTuple):
    """Usage of one key on one day."""

    key_id: str
    day: str
    requests: int
    tokens: int
    cost_micro_usd: int


def insert_rows(connection: Connection, rows: Sequence[LedgerRow]) -> None:
    """Write rows that the ledger does not hold, and add them to the daily sums."""
    if not rows:
        return
    connection.exec_driver_sql(_ledger_insert(connection.dialect), [_values(row) for row in rows])
    statement = upsert(usage_by_day)
    new = statement.excluded
    summed = ("requests", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_micro_usd")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "key_id", "model"],
            set_={
                **{name: usage_by_day.c[name] + new[name] for name in summed},
                "team": new.team,
                "last_used_at": func.max(usage_by_day.c.last_used_at, new.last_used_at),
            },
        ),
        _daily_sums(rows),
    )


def not_yet_written(connection: Connection, rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    """Those of `rows` whose request is not in the ledger, each request once."""
    written: set[str] = set()
    ids = [row.reservation.request_id for row in rows]
    for start in range(0, len(ids), _IDS_PER_QUERY):
        some = ids[start : start + _IDS_PER_QUERY]
        written.update(connection.scalars(select(ledger.c.request_id).where(ledger.c.request_id.in_(some))))
    first_of_each = {row.reservation.request_id: row for row in reversed(rows)}
    return [row for request_id, row in first_of_each.items() if request_id not in written]


def add_denials(connection: Connection, denials: Mapping[DeniedRequests, int]) -> None:
    """Add to the counts of denied requests."""
    if not denials:
        return
    statement = upsert(denials_by_day)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "key_id", "model", "reason"],
            set_={"requests": denials_by_day.c.requests + statement.excluded.requests},
        ),
        [{**denied._asdict(), "requests": count} for denied, count in denials.items()],
    )


def drop_rows_before(connection: Connection, before: datetime, at_most: int) -> int:
    """Remove up to `at_most` requests admitted before a time; their daily sums stay. Gives the number."""
    before_us = _us(before.timestamp())
    oldest = select(ledger.c.request_id).where(ledger.c.started_us < before_us).limit(at_most)
    return connection.execute(delete(ledger).where(ledger.c.request_id.in_(oldest))).rowcount


def read_daily_sums(connection: Connection, since_day: str) -> Iterable[KeyDaySums]:
    """Sums by key and day from `since_day` (`YYYY-MM-DD`), oldest day first."""
    columns = usage_by_day.c
    statement = (
        select(
            columns.key_id,
            columns.day,
            func.sum(columns.requests),
            func.sum(columns.prompt_tokens + columns.completion_tokens),
            func.sum(columns.cost_micro_usd),
        )
        .where(columns.day >= since_day)
        .group_by(columns.day, columns.key_id)
        .order_by(columns.day)
    )
    return (KeyDaySums(*row) for row in connection.execute(statement))


def read_last_used(connection: Connection) -> Mapping[str, datetime]:
    """When each key was last used."""
    columns = usage_by_day.c
    statement = select(columns.key_id, func.max(columns.last_used_at)).group_by(columns.key_id)
    return dict(connection.execute(statement).all())


def read_lineage_spend(connection: Connection, month: str) -> Mapping[str, int]:
    """Spend in the month (`YYYY-MM`) by lineage, in micro-dollars."""
    columns = usage_by_day.c
    statement = (
        select(columns.lineage_id, func.sum(columns.cost_micro_usd))
        .where(columns.day.startswith(f"{month}-"))
        .group_by(columns.lineage_id)
    )
    return dict(connection.execute(statement).all())


@lru_cache(maxsize=1)
def _ledger_insert(dialect: Dialect) -> str:
    """The driver's own statement: SQLAlchemy would look at every value of every row in turn."""
    return str(insert(ledger).compile(dialect=dialect))


def _values(row: LedgerRow) -> tuple[str | int | None, ...]:
    """In the order of the table's columns."""
    reservation, settlement = row
    request_id, key_id, lineage_id, team, model, _, started_s = reservation
    _, outcome, status, prompt, cached, completion, cost_micro_usd, settled_s = settlement
    return (
        request_id,
        key_id,
        lineage_id,
        team,
        model,
        outcome,
        status,
        prompt,
        cached,
        completion,
        cost_micro_usd,
        _us(started_s),
        _us(settled_s),
    )


def _us(unix_s: float) -> int:
    return round(unix_s * 1_000_000)


def _daily_sums(rows: Sequence[LedgerRow]) -> list[dict[str, Any]]:
    """One for each day, key and model."""
    groups: dict[tuple[str, str, str], list[LedgerRow]] = {}
    for row in rows:
        _, key_id, _, _, model, _, started_s = row.reservation
        groups.setdefault((day_at(started_s), key_id, model), []).append(row)
    return [_sums(*group, of_one) for group, of_one in groups.items()]


def _sums(day: str, key_id: str, model: str, rows: Sequence[LedgerRow]) -> dict[str, Any]:
    settlements = [row.settlement for row in rows]
    newest = max((row.reservation for row in rows), key=lambda reservation: reservation.started_s)
    return {
        "day": day,
        "key_id": key_id,
        "model": model,
        "requests": len(rows),
        "prompt_tokens": sum(each.prompt_tokens for each in settlements),
        "cached_tokens": sum(each.cached_tokens for each in settlements),
        "completion_tokens": sum(each.completion_tokens for each in settlements),
        "cost_micro_usd": sum(each.cost_micro_usd for each in settlements),
        "lineage_id": newest.lineage_id,
        "team": newest.team,
        "last_used_at": newest.started_at,
    }
