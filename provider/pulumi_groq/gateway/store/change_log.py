"""The log of changes in the store: who did what to which object, each chained to the one before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel
from sqlalchemy import JSON, Column, Connection, Integer, String, Table, delete, func, insert, select

from pulumi_groq.gateway.store.admin_keys import AdminKeyRecord
from pulumi_groq.gateway.store.column_types import UtcTimestamp
from pulumi_groq.gateway.store.identities import IdentityRecord
from pulumi_groq.gateway.store.keys import KeyRecord
from pulumi_groq.gateway.store.policies import PolicyRecord
from pulumi_groq.gateway.store.runaways import Runaway
from pulumi_groq.gateway.store.schema import metadata
from pulumi_groq.gateway.store.teams import TeamRecord
from pulumi_groq.models.change_chain import BEGINNING, hash_of
from pulumi_groq.models.fields import json_number, usd, wire_time
from pulumi_groq.models.history import Change, ChangeAction, ObjectKind
from pulumi_groq.models.workload_identity import is_identity_id

MOST_CHANGES: Final = 1_000_000
"""Older ones are forgotten, so that a loop of updates cannot fill the disk."""

# SQLite would otherwise give the number of a removed last row again.
changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcTimestamp, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("object_id", String(128), nullable=False),
    Column("name", String(128), nullable=False),
    Column("action", String(16), nullable=False),
    Column("fields", JSON, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("managed_by", String(1024), nullable=True),
    Column("actor", String(64), nullable=False),
    Column("subject", String(2048), nullable=True),
    Column("role", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    sqlite_autoincrement=True,
)

CHANGES_CHANNEL: Final = "groq_changes"
"""Where PostgreSQL tells the other gateways that there are new ones."""

_NOT_NOTED: Final = frozenset(
    {
        "created_at",
        "updated_at",
        "claim",
        "former_holders",
        "made_by",
        "idempotency_key",
        "fingerprint",
        "sealed_answer",
    }
)
_SECRET: Final = frozenset({"key_hash", "alert_webhook_urls", "alert_webhook_signing_secret"})
"""They are named where they change, and their values are in no entry."""


class Actor(NamedTuple):
    """Who makes a change, in which request, from where."""

    actor: str
    subject: str | None
    role: str
    address: str
    request_id: str


Logged = KeyRecord | AdminKeyRecord | IdentityRecord | TeamRecord | PolicyRecord

GATEWAY: Final = Actor("gateway", None, "", "", "")
"""What the gateway does by itself."""


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Which changes a list shows; `None`, and no action, is any. Days are UTC, both included."""

    actor: str | None = None
    object_id: str | None = None
    kind: str | None = None
    actions: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


def log_change(
    connection: Connection, by: Actor, former: Logged | None, record: Logged | None, at: datetime
) -> None:
    """Note that an object was created (no `former`), changed, or deleted (no `record`)."""
    known = record or former
    if known is None:
        raise ValueError("nothing was there, and nothing is")
    action: ChangeAction = "created" if former is None else "deleted" if record is None else "updated"
    changed = _changed(former, record) if action == "updated" else []
    if action == "updated" and not changed:
        return  # another claim at the same place
    shown = changed or [each.name for each in fields(known) if each.name not in _NOT_NOTED]
    kind, object_id, name = _named(known)
    unchained = Change(
        id=1,
        at=at,
        kind=kind,
        object_id=object_id,
        name=name,
        action=action,
        fields=[_wire_name(each) for each in changed],
        before=_values(former, shown),
        after=_values(record, shown),
        managed_by=known.managed_by,
        **by._asdict(),
    )
    _append(connection, unchained)


def log_exchange(
    connection: Connection,
    by: Actor,
    identity: IdentityRecord | None,
    came_of_it: Mapping[str, str | int],
    at: datetime,
) -> None:
    """Note that a token was exchanged for a credential of `identity`, or refused (no `identity`)."""
    entry = Change(
        id=1,
        at=at,
        kind="workload_identity",
        object_id=identity.id if identity else "",
        name=identity.name if identity else "",
        action="exchanged" if identity else "refused",
        fields=[],
        after=dict(came_of_it),
        managed_by=identity.managed_by if identity else None,
        **by._asdict(),
    )
    _append(connection, entry)


def log_pause(connection: Connection, by: Actor, runaway: Runaway) -> None:
    """Note that a key, with its lineage, was paused for what it spent."""
    spent = {
        "spent_usd": json_number(usd(runaway.spent_micro_usd)),
        "allowed_usd": json_number(usd(runaway.allowed_micro_usd)),
    }
    _append(connection, _of_pause(by, "paused", runaway, runaway.at, after=spent))


def log_resumption(connection: Connection, by: Actor, runaway: Runaway, at: datetime) -> None:
    """Note that a paused key, with its lineage, goes on."""
    _append(connection, _of_pause(by, "resumed", runaway, at, before={"paused_since": wire_time(runaway.at)}))


def newest_changes(
    connection: Connection, query: ChangeQuery, before: int | None, limit: int
) -> list[Change]:
    """Up to `limit` matching changes older than the one with the id `before`, newest first."""
    statement = select(changes).order_by(changes.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(changes.c.id < before)
    if query.actions:
        statement = statement.where(changes.c.action.in_(query.actions))
    for name in ("actor", "object_id", "kind"):
        wanted = getattr(query, name)
        if wanted is not None:
            statement = statement.where(changes.c[name] == wanted)
    if query.since is not None:
        statement = statement.where(changes.c.at >= _midnight(query.since))
    if query.until is not None and query.until != date.max:  # nothing is after the last day there is
        statement = statement.where(changes.c.at < _midnight(query.until + timedelta(days=1)))
    return [Change(**row._asdict()) for row in connection.execute(statement)]


class LogEnd(NamedTuple):
    """The last entry of the log. Its hash says which log it is of: one that another copy of the database went
    on with gives the same ids to other changes.
    """

    id: int
    hash: str


def log_end(connection: Connection) -> LogEnd:
    """The last change, `LogEnd(0, "")` before the first."""
    last = select(changes.c.id, changes.c.hash).order_by(changes.c.id.desc()).limit(1)
    row = connection.execute(last).one_or_none()
    return LogEnd(0, "") if row is None else LogEnd(*row)


class ChangedObject(NamedTuple):
    """What a change was about, as `log_..._change` says it."""

    kind: ObjectKind
    object_id: str
    name: str


def objects_changed_after(connection: Connection, end: LogEnd) -> Sequence[ChangedObject] | None:
    """What was changed after the log had this end, each once; `None` where it does not reach back, or is not
    the log that had it.
    """
    columns = changes.c
    oldest = connection.scalar(select(func.min(columns.id))) or 1
    if oldest > end.id + 1:
        return None
    if oldest <= end.id and connection.scalar(select(columns.hash).where(columns.id == end.id)) != end.hash:
        return None
    found = select(columns.kind, columns.object_id, columns.name).where(columns.id > end.id)
    return [ChangedObject(*row) for row in connection.execute(found.distinct())]


def purge_changes(connection: Connection, older_than: datetime) -> None:
    """Drop changes from before `older_than`; the newest stays, for the next is chained to it."""
    newest = select(func.max(changes.c.id)).scalar_subquery()
    connection.execute(delete(changes).where(changes.c.at < older_than, changes.c.id < newest))


def _named(record: Logged) -> tuple[ObjectKind, str, str]:
    """The kind of the object, its id and its name."""
    match record:
        case KeyRecord():
            return "api_key", record.id, record.name
        case AdminKeyRecord():
            return "admin_key", record.id, record.name
        case IdentityRecord():
            return "workload_identity", record.id, record.name
        case TeamRecord():
            return "team", record.name, record.name
        case PolicyRecord():
            return "spend_policy", "spend_policy", "spending policy"


def _of_pause(
    by: Actor,
    action: Literal["paused", "resumed"],
    runaway: Runaway,
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Change:
    return Change(
        id=1,
        at=at,
        kind="workload_identity" if is_identity_id(runaway.key_id) else "api_key",
        object_id=runaway.key_id,
        name=runaway.key_name,
        action=action,
        fields=[],
        before=before or {},
        after=after or {},
        managed_by=None,
        **by._asdict(),
    )


def _append(connection: Connection, entry: Change) -> None:
    unchained = entry.model_copy(update={"previous_hash": _last_hash(connection)})
    chained = unchained.model_copy(update={"hash": hash_of(unchained)})
    added = connection.execute(insert(changes), chained.model_dump(exclude={"id"}))
    newest = added.inserted_primary_key[0] if added.inserted_primary_key else 0
    connection.execute(delete(changes).where(changes.c.id <= newest - MOST_CHANGES))
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANGES_CHANNEL, "")))


def _last_hash(connection: Connection) -> str:
    last = select(changes.c.hash).order_by(changes.c.id.desc()).limit(1)
    return connection.execute(last).scalar_one_or_none() or BEGINNING


def _changed(former: Any, record: Any) -> list[str]:
    return [
        each.name
        for each in fields(record)
        if each.name not in _NOT_NOTED and getattr(former, each.name) != getattr(record, each.name)
    ]


def _values(record: Any, names: Sequence[str]) -> dict[str, Any]:
    """What is set of `names`, under the names of the API, without values of secrets."""
    if record is None:
        return {}
    values = {name: getattr(record, name) for name in names if name not in _SECRET}
    return {_wire_name(name): _plain(name, value) for name, value in values.items() if value is not None}


def _wire_name(name: str) -> str:
    return name.replace("_micro_usd", "_usd")


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return wire_time(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return {key: _plain(name, each) for key, each in value.items()}
    if is_dataclass(value):
        return _values(value, [each.name for each in fields(value)])
    if isinstance(value, tuple):
        return [_plain(name, each) for each in value]
    return json_number(usd(value)) if "_micro_usd" in name else value


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
