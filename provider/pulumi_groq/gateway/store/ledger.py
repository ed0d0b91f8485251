"""The ledger in the store: rows with their daily sums in one transaction, and what is read back at start."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Connection,
    Dialect,
    Executable,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
)

from pulumi_groq.gateway.store.schema import denials_by_day, ledger, this_write, usage_by_day, whole_sum
from pulumi_groq.gateway.store.upsert import upsert
from pulumi_groq.policy.windows import day_at

_IDS_PER_QUERY: Final = 500


class LedgerRecord(NamedTuple):
    """A request that is over, as a row of the table `ledger`, its columns in their order."""

    request_id: str
    key_id: str
    lineage_id: str
    team: str | None
    model: str
    outcome: str
    status: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int
    started_us: int
    settled_us: int


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


def insert_rows(connection: Connection, rows: Sequence[LedgerRecord]) -> None:
    """Write rows that the ledger does not hold, and add them to the daily sums."""
    if not rows:
        return
    connection.exec_driver_sql(_ledger_insert(connection.dialect), list(rows))
    connection.execute(_add_to_days(connection.dialect), _daily_sums(rows))


def not_yet_written(connection: Connection, rows: Sequence[LedgerRecord]) -> list[LedgerRecord]:
    """Those of `rows` whose request is not in the ledger, each request once."""
    written = known_requests(connection, [row.request_id for row in rows])
    first_of_each = {row.request_id: row for row in reversed(rows)}
    return [row for request_id, row in first_of_each.items() if request_id not in written]


def known_requests(connection: Connection, request_ids: Sequence[str]) -> set[str]:
    """The requests that are in the ledger."""
    known: set[str] = set()
    for start in range(0, len(request_ids), _IDS_PER_QUERY):
        some = request_ids[start : start + _IDS_PER_QUERY]
        known.update(connection.scalars(select(ledger.c.request_id).where(ledger.c.request_id.in_(some))))
    return known


def without_copies(connection: Connection, rows: Sequence[LedgerRecord]) -> list[LedgerRecord]:
    """Those of `rows` that the ledger does not hold exactly as they are."""
    held: set[LedgerRecord] = set()
    ids = [row.request_id for row in rows]
    for start in range(0, len(ids), _IDS_PER_QUERY):
        some = ids[start : start + _IDS_PER_QUERY]
        found = connection.execute(select(ledger).where(ledger.c.request_id.in_(some)))
        held.update(LedgerRecord(*row) for row in found)
    return [row for row in rows if row not in held]


def add_denials(connection: Connection, denials: Mapping[DeniedRequests, int]) -> None:
    """Add to the counts of denied requests."""
    if not denials:
        return
    statement = upsert(connection.dialect, denials_by_day)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "key_id", "model", "reason"],
            set_={"requests": denials_by_day.c.requests + statement.excluded.requests},
        ),
        [{**denied._asdict(), "requests": count} for denied, count in denials.items()],
    )


def drop_rows_before(connection: Connection, before: datetime, at_most: int) -> int:
    """Remove up to `at_most` requests admitted before a time; their daily sums stay. Returns their number."""
    bounds = {"before_us": _us(before.timestamp()), "at_most": at_most}
    return connection.execute(_DROP_OLDEST, bounds).rowcount


def read_daily_sums(connection: Connection, since_day: str) -> Iterable[KeyDaySums]:
    """Sums by key and day from `since_day` (`YYYY-MM-DD`), oldest day first."""
    columns = usage_by_day.c
    statement = (
        select(
            columns.key_id,
            columns.day,
            whole_sum(columns.requests),
            whole_sum(columns.prompt_tokens + columns.completion_tokens),
            whole_sum(columns.cost_micro_usd),
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


def last_use(connection: Connection, key_id: str) -> datetime | None:
    """When a key's last request that is in the ledger was admitted."""
    columns = usage_by_day.c
    used: datetime | None = connection.scalar(
        select(func.max(columns.last_used_at)).where(columns.key_id == key_id)
    )
    return used


class OwnersSpend(NamedTuple):
    """What requests of a lineage, in a team (`None`: in none), to a model have cost."""

    lineage_id: str
    team: str | None
    model: str
    cost_micro_usd: int


def read_spend_of_days(connection: Connection, since_day: str, until_day: str) -> Iterable[OwnersSpend]:
    """Spend on the days (`YYYY-MM-DD`) from `since_day` until before `until_day`."""
    columns = usage_by_day.c
    owners = (columns.lineage_id, func.nullif(columns.team, literal_column("''")), columns.model)
    statement = (
        select(*owners, whole_sum(columns.cost_micro_usd))
        .where(columns.day >= since_day, columns.day < until_day)
        .group_by(*owners)
    )
    return (OwnersSpend(*row) for row in connection.execute(statement))


def read_spend_since(connection: Connection, unix_s: int) -> Iterable[OwnersSpend]:
    """Spend of the requests that were admitted since a time (Unix seconds) and are over."""
    columns = ledger.c
    owners = (columns.lineage_id, columns.team, columns.model)
    statement = (
        select(*owners, whole_sum(columns.cost_micro_usd))
        .where(columns.started_us >= unix_s * 1_000_000)
        .group_by(*owners)
    )
    return (OwnersSpend(*row) for row in connection.execute(statement))


@lru_cache(maxsize=1)
def _ledger_insert(dialect: Dialect) -> str:
    """The driver's own statement: SQLAlchemy would look at every value of every row in turn."""
    return str(insert(ledger).compile(dialect=dialect))


@lru_cache(maxsize=1)
def _add_to_days(dialect: Dialect) -> Executable:
    """Made once: four times a second it would take as long as what it does."""
    statement = upsert(dialect, usage_by_day).values(written_in=this_write())
    new = statement.excluded
    summed = ("requests", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_micro_usd")
    return statement.on_conflict_do_update(
        index_elements=["day", "key_id", "model", "team"],
        set_={
            **{name: usage_by_day.c[name] + new[name] for name in summed},
            "written_in": new.written_in,
            "last_used_at": case(
                (usage_by_day.c.last_used_at > new.last_used_at, usage_by_day.c.last_used_at),
                else_=new.last_used_at,
            ),
        },
    )


_DROP_OLDEST: Final = delete(ledger).where(
    ledger.c.request_id.in_(
        select(ledger.c.request_id)
        .where(ledger.c.started_us < bindparam("before_us"))
        .limit(bindparam("at_most"))
    )
)


def _us(unix_s: float) -> int:
    return round(unix_s * 1_000_000)


def _daily_sums(rows: Sequence[LedgerRecord]) -> list[dict[str, Any]]:
    """One for each day, key, model and team."""
    groups: dict[tuple[str, str, str, str], list[LedgerRecord]] = {}
    for row in rows:
        group = (day_at(row.started_us / 1_000_000), row.key_id, row.model, row.team or "")
        groups.setdefault(group, []).append(row)
    return [_sums(*group, of_one) for group, of_one in groups.items()]


def _sums(day: str, key_id: str, model: str, team: str, rows: Sequence[LedgerRecord]) -> dict[str, Any]:
    newest = max(rows, key=lambda row: row.started_us)
    return {
        "day": day,
        "key_id": key_id,
        "model": model,
        "requests": len(rows),
        "prompt_tokens": sum(row.prompt_tokens for row in rows),
        "cached_tokens": sum(row.cached_tokens for row in rows),
        "completion_tokens": sum(row.completion_tokens for row in rows),
        "cost_micro_usd": sum(row.cost_micro_usd for row in rows),
        "lineage_id": newest.lineage_id,
        "team": team,
        "last_used_at": datetime.fromtimestamp(newest.started_us / 1_000_000, UTC),
    }
