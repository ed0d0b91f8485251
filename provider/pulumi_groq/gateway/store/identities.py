"""Workload identities in the store, and the subjects that their usage is booked under."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from pulumi_groq.gateway.store.column_types import (
    DeclaredBudgets,
    DeclaredLimit,
    DeclaredModelLimits,
    LimitSetting,
    UtcTimestamp,
)
from pulumi_groq.gateway.store.holders import ClaimHolder, holders_of
from pulumi_groq.gateway.store.schema import is_text, metadata
from pulumi_groq.models.budgets import Budget, ModelLimits
from pulumi_groq.models.role import AdminRole
from pulumi_groq.policy.runaway import RunawayLimit

workload_identities = Table(
    "workload_identities",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("issuer", String(1024), nullable=False),
    Column("audience", String(1024), nullable=False),
    Column("claims", JSON, nullable=False),
    Column("claim_patterns", JSON, nullable=False),
    Column("credential_minutes", Integer, nullable=False),
    Column("admin_role", String(16), nullable=True),
    Column("role_teams", JSON, nullable=False),
    Column("allowed_models", JSON, nullable=False),
    Column("allowed_tools", JSON, nullable=False),
    Column("team", String(128), nullable=True),
    Column("requests_per_minute", DeclaredLimit, nullable=True),
    Column("tokens_per_minute", DeclaredLimit, nullable=True),
    Column("requests_per_day", DeclaredLimit, nullable=True),
    Column("tokens_per_day", DeclaredLimit, nullable=True),
    Column("max_parallel_requests", DeclaredLimit, nullable=True),
    Column("monthly_budget_micro_usd", BigInteger, nullable=True),
    Column("budgets", DeclaredBudgets, nullable=False),
    Column("model_limits", DeclaredModelLimits, nullable=False),
    Column("runaway", JSON(none_as_null=True), nullable=True),
    Column("share", Integer, nullable=True),
    Column("managed_by", String(1024), nullable=True),
    Column("declared_as", String(1024), nullable=True),
    Column("claim", String(64), nullable=True),
    Column("former_holders", JSON, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
)

# What usage of an identity is booked under: stays when the identity is deleted, as a deleted key does.
identity_subjects = Table(
    "identity_subjects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("identity_id", String(64), nullable=False),
    Column("name", String(128), nullable=False),
    Column("team", String(128), nullable=True),
    Column("first_seen_at", UtcTimestamp, nullable=False),
    Index("ix_identity_subjects_identity_id", "identity_id"),
)


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """A workload identity as declared. `allowed_models` is empty where it is for the admin plane."""

    id: str
    name: str
    issuer: str
    audience: str
    claims: Mapping[str, str]
    claim_patterns: Mapping[str, str]
    credential_minutes: int
    admin_role: AdminRole | None
    role_teams: tuple[str, ...]
    allowed_models: tuple[str, ...]
    allowed_tools: tuple[str, ...]
    team: str | None
    requests_per_minute: LimitSetting
    tokens_per_minute: LimitSetting
    requests_per_day: LimitSetting
    tokens_per_day: LimitSetting
    monthly_budget_micro_usd: int | None
    created_at: datetime
    updated_at: datetime
    max_parallel_requests: LimitSetting = None
    budgets: tuple[Budget, ...] = ()
    model_limits: Mapping[str, ModelLimits] = field(default_factory=dict)
    runaway: RunawayLimit | None = None
    share: int | None = None
    managed_by: str | None = None
    declared_as: str | None = None
    claim: str | None = None
    former_holders: tuple[ClaimHolder, ...] = ()


def all_identities(connection: Connection) -> list[IdentityRecord]:
    """Every workload identity, by name."""
    query = select(workload_identities).order_by(workload_identities.c.name)
    return [_record(row) for row in connection.execute(query)]


def find_identity(connection: Connection, name: str) -> IdentityRecord | None:
    """The workload identity of this name."""
    if not is_text(name):
        return None
    query = select(workload_identities).where(workload_identities.c.name == name)
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def identity_by_id(connection: Connection, identity_id: str) -> IdentityRecord | None:
    """The workload identity with this id."""
    if not is_text(identity_id):
        return None
    query = select(workload_identities).where(workload_identities.c.id == identity_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _record(row)


def guarded_identities(connection: Connection) -> list[IdentityRecord]:
    """The workload identities that declare a guard against runaway spend, by name."""
    return [each for each in all_identities(connection) if each.runaway is not None]


def put_identity(connection: Connection, record: IdentityRecord) -> None:
    """Add a workload identity, or write the one with its id anew."""
    values = asdict(record)
    by_id = workload_identities.c.id == record.id
    if connection.execute(update(workload_identities).where(by_id).values(values)).rowcount == 0:
        connection.execute(insert(workload_identities), values)


def remove_identity(connection: Connection, identity_id: str) -> None:
    """Remove a workload identity. Its subjects stay, so that past usage keeps its names."""
    connection.execute(delete(workload_identities).where(workload_identities.c.id == identity_id))


def identities_of_team(connection: Connection, team: str) -> list[str]:
    """The names of the workload identities of a team, on either plane."""
    return [each.name for each in all_identities(connection) if team in (each.team, *each.role_teams)]


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """Whom an identity's tokens were issued to; usage is booked under `id`."""

    id: str
    identity_id: str
    name: str
    team: str | None
    first_seen_at: datetime


def add_subject(connection: Connection, record: SubjectRecord, most: int) -> bool:
    """Add a subject unless it is known; whether it is known now. An identity has `most` of them."""
    if connection.execute(select(identity_subjects.c.id).where(identity_subjects.c.id == record.id)).first():
        return True
    same = identity_subjects.c.identity_id == record.identity_id
    if (
        connection.execute(select(func.count()).select_from(identity_subjects).where(same)).scalar_one()
        >= most
    ):
        return False
    connection.execute(insert(identity_subjects), asdict(record))
    return True


def _record(row: Row[Any]) -> IdentityRecord:
    values = row._asdict()
    for name in ("role_teams", "allowed_models", "allowed_tools"):
        values[name] = tuple(values[name])
    values["former_holders"] = holders_of(values["former_holders"])
    if values["runaway"] is not None:
        values["runaway"] = RunawayLimit(**values["runaway"])
    return IdentityRecord(**values)
