"""Sums of past days by any grouping, page by page, as SQL over the daily sums."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, func, literal, select, tuple_

from pulumi_groq.gateway.store.schema import api_keys, denials_by_day, usage_by_day, whole_sum

USAGE_GROUPS: Final[Mapping[str, ColumnElement[Any]]] = {
    "day": usage_by_day.c.day,
    "key": usage_by_day.c.key_id,
    "team": usage_by_day.c.team,
    "model": usage_by_day.c.model,
}
DENIAL_GROUPS: Final[Mapping[str, ColumnElement[Any]]] = {
    "day": denials_by_day.c.day,
    "key": denials_by_day.c.key_id,
    "model": denials_by_day.c.model,
    "reason": denials_by_day.c.reason,
}
_USAGE_SUMS: Final = ("requests", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_micro_usd")


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Days `since` to `until` (`YYYY-MM-DD`, both included) in groups; the first `limit` after `after`.

    Only what belongs to `teams`; `None` is all.
    """

    since: str
    until: str
    group_by: tuple[str, ...]
    key_id: str | None
    after: tuple[str, ...] | None
    limit: int
    teams: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """One group: its values in the order of `group_by`, and its sums by column."""

    group: tuple[str, ...]
    sums: Mapping[str, int]
    lineage_id: str | None = None


def usage_sums(connection: Connection, query: HistoryQuery) -> list[Sums]:
    """Usage by group, in the order of the groups. `lineage_id` is set where they hold one key each."""
    found = _grouped(connection, usage_by_day, USAGE_GROUPS, _USAGE_SUMS, query, usage_by_day.c.lineage_id)
    return found if "key" in query.group_by else [Sums(each.group, each.sums) for each in found]


def denial_sums(connection: Connection, query: HistoryQuery) -> list[Sums]:
    """Denials by group, in the order of the groups."""
    return _grouped(connection, denials_by_day, DENIAL_GROUPS, ("requests",), query, literal(None))


def _of_teams(table: Table, teams: frozenset[str]) -> ColumnElement[bool]:
    """Usage is booked under the team that its key had; a refusal belongs to the team that its key has."""
    if table is usage_by_day:
        return usage_by_day.c.team.in_(sorted(teams))
    return table.c.key_id.in_(select(api_keys.c.id).where(api_keys.c.team.in_(sorted(teams))))


def _grouped(
    connection: Connection,
    table: Table,
    groups: Mapping[str, ColumnElement[Any]],
    summed: Sequence[str],
    query: HistoryQuery,
    lineage_id: ColumnElement[Any],
) -> list[Sums]:
    columns = [groups[name] for name in query.group_by]
    sums = [func.coalesce(whole_sum(table.c[name]), 0) for name in summed]
    statement = (
        select(*columns, *sums, func.max(lineage_id))
        .where(table.c.day.between(query.since, query.until))
        .limit(query.limit)
    )
    if query.key_id is not None:
        statement = statement.where(table.c.key_id == query.key_id)
    if query.teams is not None:
        statement = statement.where(_of_teams(table, query.teams))
    if columns:
        statement = statement.group_by(*columns).order_by(*columns)
    if query.after is not None:
        statement = statement.where(tuple_(*columns) > query.after)
    width = len(columns)
    return [
        Sums(tuple(row[:width]), dict(zip(summed, row[width:-1], strict=True)), row[-1])
        for row in connection.execute(statement)
    ]
