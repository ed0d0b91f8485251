"""Teams in the store."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pulumi_groq.gateway.store.column_types import LimitSetting
from pulumi_groq.gateway.store.holders import ClaimHolder, holders_of
from pulumi_groq.gateway.store.schema import is_text, teams
from pulumi_groq.models.budgets import Budget


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team: the models and tools that bound each of its keys, the limits and budgets that they share."""

    name: str
    allowed_models: tuple[str, ...]
    allowed_tools: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    upstream_key: str | None = None
    requests_per_minute: LimitSetting = None
    tokens_per_minute: LimitSetting = None
    requests_per_day: LimitSetting = None
    tokens_per_day: LimitSetting = None
    max_parallel_requests: LimitSetting = None
    monthly_budget_micro_usd: int | None = None
    budgets: tuple[Budget, ...] = ()
    managed_by: str | None = None
    declared_as: str | None = None
    claim: str | None = None
    former_holders: tuple[ClaimHolder, ...] = ()


def all_teams(connection: Connection) -> list[TeamRecord]:
    """Every team, by name."""
    return [_record(row) for row in connection.execute(select(teams).order_by(teams.c.name))]


def find_team(connection: Connection, name: str) -> TeamRecord | None:
    """The team of this name."""
    if not is_text(name):
        return None
    row = connection.execute(select(teams).where(teams.c.name == name)).one_or_none()
    return None if row is None else _record(row)


def put_team(connection: Connection, record: TeamRecord) -> None:
    """Add a team, or write it anew; `created_at` of an existing one stays."""
    values = asdict(record)
    kept = values.keys() - {"name", "created_at"}
    anew = {name: values[name] for name in kept}
    changed = connection.execute(update(teams).where(teams.c.name == record.name).values(anew))
    if changed.rowcount == 0:
        connection.execute(insert(teams), values)


def remove_team(connection: Connection, name: str) -> None:
    """Remove a team."""
    connection.execute(delete(teams).where(teams.c.name == name))


def _record(row: Row[Any]) -> TeamRecord:
    values = row._asdict()
    values["allowed_models"] = tuple(values["allowed_models"])
    values["allowed_tools"] = tuple(values["allowed_tools"])
    values["former_holders"] = holders_of(values["former_holders"])
    return TeamRecord(**values)
