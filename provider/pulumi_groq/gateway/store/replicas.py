"""The gateways on one store: who is there, since when, and what each has reported."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    select,
    update,
)

from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.column_types import UtcTimestamp
from pulumi_groq.gateway.store.schema import bank_grants, bank_members, metadata, this_write
from pulumi_groq.gateway.store.upsert import upsert
from pulumi_groq.policy.escrow import Holder

SILENT_AFTER_S: Final = 10.0
"""A replica reports each second; one that has not for so long is silent: stopped, dead or cut off."""

_SERVER: Final = "server"


# The gateways on this store, and what each has reported: `seen_at` by the database's clock; the cap that last
# refused a request here.
replicas = Table(
    "replicas",
    metadata,
    Column("replica", String(128), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("version", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("joined_at", UtcTimestamp, nullable=False),
    Column("seen_at", UtcTimestamp, nullable=False),
    Column("cap_refused_month", String(7), nullable=True),
    Column("cap_refused_micro_usd", BigInteger, nullable=True),
)

# Uses of keys by requests that are not in the ledger yet.
last_uses = Table(
    "last_uses",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("last_used_at", UtcTimestamp, nullable=False),
    Column("written_in", BigInteger, nullable=False),
    Index("ix_last_uses_written_in", "written_in"),
)

# What all gateways on this store must have alike, as a digest: the server's secret.
shared_secrets = Table(
    "shared_secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
)


class CapRefusal(NamedTuple):
    """The cap (micro-dollars) that refused a request in a month (`YYYY-MM`)."""

    month: str
    cap_micro_usd: int


class ReplicaRecord(NamedTuple):
    """A gateway that has not left. `silent_s` is how long ago it was last seen. `held_micro_usd` is the most
    that it holds of one account, in grants.
    """

    replica: str
    epoch: int
    version: str
    host: str
    joined_at: datetime
    is_live: bool
    silent_s: float
    cap_refusal: CapRefusal | None
    held_micro_usd: int

    @property
    def is_silent(self) -> bool:
        """Whether it has not been seen for too long."""
        return self.silent_s > SILENT_AFTER_S


def enter(connection: Connection, holder: Holder, version: str, host: str) -> None:
    """A life of a replica begins: it has served nobody yet."""
    statement = upsert(connection.dialect, replicas)
    values = {
        "epoch": holder.epoch,
        "version": version,
        "host": host,
        "joined_at": func.now(),
        "seen_at": func.now(),
        "cap_refused_month": None,
        "cap_refused_micro_usd": None,
    }
    connection.execute(
        statement.values(replica=holder.replica, **values).on_conflict_do_update(
            index_elements=["replica"], set_=values
        )
    )


def seen(connection: Connection, holder: Holder) -> bool:
    """Note that it lives; False where this life is over: begun anew elsewhere, or forgotten."""
    noted = update(replicas).where(_of(holder), _may_ask(holder)).values(seen_at=func.now())
    return connection.execute(noted).rowcount == 1


def lacks(connection: Connection, holder: Holder, answered: int) -> bool:
    """Whether the database knows less of this life than that the bank has `answered` its call of that number.
    Asked after `seen`, which a server that is no primary refuses.
    """
    columns = bank_members.c
    known = connection.execute(
        select(columns.epoch, columns.last_call).where(columns.replica == holder.replica)
    ).one_or_none()
    return known is None or tuple(known) < (holder.epoch, answered)


def leave(connection: Connection, holder: Holder) -> None:
    """Note that a life has ended, unless it holds something still."""
    if not bank.held_accounts(connection, holder.replica) and _is_current(connection, holder):
        bank.close(connection, holder, [])
        connection.execute(delete(replicas).where(_of(holder)))


def report(
    connection: Connection,
    holder: Holder,
    uses: Mapping[str, datetime],
    refusal: CapRefusal | None,
) -> None:
    """Note the `uses` of keys by requests that are not in the ledger: all others are."""
    if uses:
        statement = upsert(connection.dialect, last_uses).values(written_in=this_write())
        new = statement.excluded
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["key_id"],
                set_={"last_used_at": new.last_used_at, "written_in": new.written_in},
                where=last_uses.c.last_used_at < new.last_used_at,
            ),
            [{"key_id": key_id, "last_used_at": at} for key_id, at in sorted(uses.items())],
        )
    month, cap = (None, None) if refusal is None else refusal
    connection.execute(
        update(replicas).where(_of(holder)).values(cap_refused_month=month, cap_refused_micro_usd=cap)
    )


def present_replicas(connection: Connection) -> list[ReplicaRecord]:
    """All that have not left, by name: those that were stopped without leaving, too."""
    held = (
        select(func.max(bank_grants.c.amount_micro_usd))
        .where(bank_grants.c.replica == bank_members.c.replica)
        .scalar_subquery()
    )
    statement = (
        select(
            replicas.c.replica,
            replicas.c.epoch,
            replicas.c.version,
            replicas.c.host,
            replicas.c.joined_at,
            bank_members.c.is_live,
            func.extract("epoch", func.now() - replicas.c.seen_at),
            replicas.c.cap_refused_month,
            replicas.c.cap_refused_micro_usd,
            func.coalesce(held, 0),
        )
        .join_from(replicas, bank_members, bank_members.c.replica == replicas.c.replica)
        .where(bank_members.c.is_live | (func.coalesce(held, 0) > 0))
        .order_by(replicas.c.replica)
    )
    return [_record(row) for row in connection.execute(statement)]


def reported_uses(connection: Connection, after_write: int) -> Mapping[str, datetime]:
    """Uses of keys that were reported in writes after that number."""
    columns = last_uses.c
    found = select(columns.key_id, columns.last_used_at).where(columns.written_in > after_write)
    return dict(connection.execute(found).all())


def reported_use(connection: Connection, key_id: str) -> datetime | None:
    """The last use of a key that was reported beside the ledger."""
    columns = last_uses.c
    return connection.scalar(select(columns.last_used_at).where(columns.key_id == key_id))


def shared_digest(connection: Connection) -> bytes | None:
    """What all gateways must have alike, as a digest."""
    return connection.scalar(select(shared_secrets.c.digest).where(shared_secrets.c.name == _SERVER))


def put_shared_digest(connection: Connection, digest: bytes) -> None:
    """Have all gateways that start from now on agree with this."""
    statement = upsert(connection.dialect, shared_secrets).values(name=_SERVER, digest=digest)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"digest": digest}))


def names_of(records: Iterable[ReplicaRecord]) -> Sequence[str]:
    """The names of those that live and are not silent."""
    return [each.replica for each in records if each.is_live and not each.is_silent]


def _of(holder: Holder) -> ColumnElement[bool]:
    return (replicas.c.replica == holder.replica) & (replicas.c.epoch == holder.epoch)


def _is_current(connection: Connection, holder: Holder) -> bool:
    return bool(connection.scalar(select(_may_ask(holder))))


def _may_ask(holder: Holder) -> ColumnElement[bool]:
    columns = bank_members.c
    return (
        select(columns.replica)
        .where(columns.replica == holder.replica, columns.epoch == holder.epoch, columns.is_live)
        .exists()
    )


def _record(row: Sequence[Any]) -> ReplicaRecord:
    replica, epoch, version, host, joined_at, is_live, silent_s, month, cap, held = row
    refusal = None if month is None else CapRefusal(month, cap)
    return ReplicaRecord(replica, epoch, version, host, joined_at, is_live, float(silent_s), refusal, held)
