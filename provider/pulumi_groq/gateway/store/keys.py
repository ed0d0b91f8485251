"""API keys in the store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, null, select, update

from pulumi_groq.gateway.store.column_types import LimitSetting
from pulumi_groq.gateway.store.holders import ClaimHolder, holders_of
from pulumi_groq.gateway.store.identities import guarded_identities, identity_subjects, workload_identities
from pulumi_groq.gateway.store.schema import api_keys, is_text
from pulumi_groq.models.budgets import Budget, ModelLimits
from pulumi_groq.policy.runaway import RunawayLimit


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as stored: settings as declared, never its value. `key_hash` is the value's SHA-256 digest."""

    id: str
    key_hash: bytes = field(repr=False)
    last_four: str
    name: str
    managed_by: str | None
    declared_as: str | None
    team: str | None
    replaces: str | None
    lineage_id: str
    generation: int
    allowed_models: tuple[str, ...]
    allowed_tools: tuple[str, ...]
    requests_per_minute: LimitSetting
    tokens_per_minute: LimitSetting
    requests_per_day: LimitSetting
    tokens_per_day: LimitSetting
    monthly_budget_micro_usd: int | None
    expires_at: datetime | None
    metadata: Mapping[str, str]
    disabled: bool
    created_at: datetime
    updated_at: datetime
    max_parallel_requests: LimitSetting = None
    runaway: RunawayLimit | None = None
    share: int | None = None
    budgets: tuple[Budget, ...] = ()
    model_limits: Mapping[str, ModelLimits] = field(default_factory=dict)
    claim: str | None = None
    former_holders: tuple[ClaimHolder, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyLabel:
    """What usage is shown under."""

    id: str
    name: str
    team: str | None


class IdentityLabel(NamedTuple):
    """A workload identity by id and name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """Which keys a list shows; `None` is any."""

    name: str | None = None
    managed_by: str | None = None
    team: str | None = None
    lineage_id: str | None = None


_COLUMNS = [api_keys.c[name] for name in KeyRecord.__dataclass_fields__]
_LABEL = [api_keys.c.id, api_keys.c.name, api_keys.c.team]
_LIVE = api_keys.c.deleted_at.is_(None)
_BATCH_ROWS = 1_000


def _record(row: Row[Any]) -> KeyRecord:
    values = row._asdict()
    values["allowed_models"] = tuple(values["allowed_models"])
    values["allowed_tools"] = tuple(values["allowed_tools"])
    values["former_holders"] = holders_of(values["former_holders"])
    if values["runaway"] is not None:
        values["runaway"] = RunawayLimit(**values["runaway"])
    return KeyRecord(**values)


def _row(record: KeyRecord) -> dict[str, Any]:
    lists = {"allowed_models": list(record.allowed_models), "allowed_tools": list(record.allowed_tools)}
    return asdict(record) | lists


def insert_key(connection: Connection, record: KeyRecord) -> None:
    """Add a new key."""
    connection.execute(insert(api_keys), _row(record))


def replace_key(connection: Connection, record: KeyRecord) -> None:
    """Write the record of a live key anew."""
    connection.execute(update(api_keys).where(api_keys.c.id == record.id, _LIVE).values(_row(record)))


def bury_key(connection: Connection, key_id: str, now: datetime) -> None:
    """Turn a live key into a tombstone: without its hash and its labels."""
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, _LIVE)
        .values(key_hash=None, metadata={}, updated_at=now, deleted_at=now)
    )


def find_key(connection: Connection, key_id: str) -> KeyRecord | None:
    """The live key with this id."""
    if not is_text(key_id):
        return None
    row = connection.execute(select(*_COLUMNS).where(api_keys.c.id == key_id, _LIVE)).one_or_none()
    return None if row is None else _record(row)


def live_lineage(connection: Connection, lineage_id: str) -> list[KeyRecord]:
    """The live keys of a lineage, oldest first."""
    query = select(*_COLUMNS).where(api_keys.c.lineage_id == lineage_id, _LIVE).order_by(api_keys.c.seq)
    return [_record(row) for row in connection.execute(query)]


def keys_declared_as(connection: Connection, managed_by: str, declared_as: str, name: str) -> list[KeyRecord]:
    """The live keys at one address of one stack under one name, oldest first."""
    query = select(*_COLUMNS).where(
        api_keys.c.managed_by == managed_by,
        api_keys.c.declared_as == declared_as,
        api_keys.c.name == name,
        _LIVE,
    )
    return [_record(row) for row in connection.execute(query.order_by(api_keys.c.seq))]


def deleted_lineage(
    connection: Connection, managed_by: str, declared_as: str, name: str, teams: frozenset[str] | None = None
) -> str | None:
    """The lineage of the last key of `teams` (`None` is any) that was deleted at one address of one
    stack under one name; `None` where a key of that lineage lives on, at another address.
    """
    query = select(api_keys.c.lineage_id).where(
        api_keys.c.managed_by == managed_by,
        api_keys.c.declared_as == declared_as,
        api_keys.c.name == name,
        ~_LIVE,
    )
    if teams is not None:
        query = query.where(api_keys.c.team.in_(sorted(teams)))
    lineage_id = connection.execute(query.order_by(api_keys.c.seq.desc()).limit(1)).scalar_one_or_none()
    return None if lineage_id is None or live_lineage(connection, lineage_id) else lineage_id


def cursor_position(connection: Connection, key_id: str) -> int | None:
    """Where a key stands in the order of lists; a deleted one keeps its place."""
    return connection.execute(select(api_keys.c.seq).where(api_keys.c.id == key_id)).scalar_one_or_none()


def page_of_keys(
    connection: Connection,
    query: KeyQuery,
    after: int | None,
    limit: int,
    teams: frozenset[str] | None = None,
) -> list[KeyRecord]:
    """Up to `limit` live keys of `teams` (`None` is any) after position `after`, oldest first."""
    statement = select(*_COLUMNS).where(_LIVE).order_by(api_keys.c.seq).limit(limit)
    for column, wanted in asdict(query).items():
        if wanted is not None:
            statement = statement.where(api_keys.c[column] == wanted)
    if teams is not None:
        statement = statement.where(api_keys.c.team.in_(sorted(teams)))
    if after is not None:
        statement = statement.where(api_keys.c.seq > after)
    return [_record(row) for row in connection.execute(statement)]


def all_keys(connection: Connection) -> Iterator[KeyRecord]:
    """Every live key, oldest first, without holding them all."""
    query = select(*_COLUMNS).where(_LIVE).order_by(api_keys.c.seq)
    for row in connection.execute(query.execution_options(yield_per=_BATCH_ROWS)):
        yield _record(row)


def guarded_keys(connection: Connection) -> list[KeyRecord]:
    """The live keys that declare a guard against runaway spend, oldest first."""
    query = select(*_COLUMNS).where(api_keys.c.runaway.is_not(null()), _LIVE).order_by(api_keys.c.seq)
    return [_record(row) for row in connection.execute(query)]


def guarded_lineages(connection: Connection) -> list[str]:
    """Their lineages, and the workload identities that declare one."""
    lineages = (record.lineage_id for record in guarded_keys(connection))
    return [*dict.fromkeys(lineages), *(record.id for record in guarded_identities(connection))]


def live_labels(connection: Connection) -> list[KeyLabel]:
    """The labels of every live key, oldest first."""
    rows = connection.execute(select(*_LABEL).where(_LIVE).order_by(api_keys.c.seq))
    return [KeyLabel(*row) for row in rows]


def deleted_labels(connection: Connection, key_ids: Sequence[str]) -> list[KeyLabel]:
    """The labels of the deleted ones among `key_ids`, oldest first."""
    found: list[KeyLabel] = []
    for start in range(0, len(key_ids), _BATCH_ROWS):
        batch = key_ids[start : start + _BATCH_ROWS]
        query = select(*_LABEL).where(api_keys.c.id.in_(batch), ~_LIVE).order_by(api_keys.c.seq)
        found += [KeyLabel(*row) for row in connection.execute(query)]
    return found


def labels_of(connection: Connection, key_ids: Sequence[str]) -> dict[str, KeyLabel]:
    """The labels of `key_ids` by id, of live and of deleted keys."""
    found: dict[str, KeyLabel] = {}
    for start in range(0, len(key_ids), _BATCH_ROWS):
        batch = key_ids[start : start + _BATCH_ROWS]
        for row in connection.execute(select(*_LABEL).where(api_keys.c.id.in_(batch))):
            found[row.id] = KeyLabel(*row)
    return found | {label.id: label for label in subject_labels(connection, key_ids)}


def subject_labels(connection: Connection, key_ids: Sequence[str]) -> list[KeyLabel]:
    """The labels of those of `key_ids` that usage of workload identities is booked under, by name."""
    found: list[KeyLabel] = []
    columns = [identity_subjects.c.id, identity_subjects.c.name, identity_subjects.c.team]
    for start in range(0, len(key_ids), _BATCH_ROWS):
        batch = key_ids[start : start + _BATCH_ROWS]
        rows = connection.execute(select(*columns).where(identity_subjects.c.id.in_(batch)))
        found += [KeyLabel(*row) for row in rows]
    return sorted(found, key=lambda label: (label.name, label.id))


def identities_of_subjects(connection: Connection, subject_ids: Sequence[str]) -> dict[str, IdentityLabel]:
    """The workload identities that exist, by the ids of subjects of theirs."""
    columns = [identity_subjects.c.id, workload_identities.c.id, workload_identities.c.name]
    of_subject = identity_subjects.c.identity_id == workload_identities.c.id
    found: dict[str, IdentityLabel] = {}
    for start in range(0, len(subject_ids), _BATCH_ROWS):
        batch = subject_ids[start : start + _BATCH_ROWS]
        query = select(*columns).join(workload_identities, of_subject)
        for subject_id, *label in connection.execute(query.where(identity_subjects.c.id.in_(batch))):
            found[subject_id] = IdentityLabel(*label)
    return found


def keys_of_team(connection: Connection, team: str, limit: int) -> list[str]:
    """The ids of up to `limit` live keys of a team, oldest first."""
    query = select(api_keys.c.id).where(api_keys.c.team == team, _LIVE).order_by(api_keys.c.seq).limit(limit)
    return list(connection.execute(query).scalars())
