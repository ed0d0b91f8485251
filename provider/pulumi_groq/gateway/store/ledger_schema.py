"""The tables of the metering, beside those of `schema`; the same migrations make them."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from pulumi_groq.gateway.store.columns import UtcTimestamp
from pulumi_groq.gateway.store.schema import metadata

# One row a request that was admitted, once it is over. Times are Unix microseconds: to convert them took
# as long as SQLite takes to write the row. Ids sort by time, so the table is one tree that grows at its end.
ledger = Table(
    "ledger",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("key_id", String(64), nullable=False),
    Column("lineage_id", String(64), nullable=False),
    Column("team", String(128), nullable=True),
    Column("model", String(200), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("status", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("settled_us", BigInteger, nullable=False),
    Index("ix_ledger_started_us", "started_us"),
    sqlite_with_rowid=False,
)

# Sums of the ledger, written with it; they stay when old rows of the ledger are dropped.
usage_by_day = Table(
    "usage_by_day",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("lineage_id", String(64), nullable=False),
    Column("team", String(128), nullable=True),
    Column("requests", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Column("last_used_at", UtcTimestamp, nullable=False),
    Index("ix_usage_by_day_key_id_last_used_at", "key_id", "last_used_at"),
)

# Denials are only counted, so that refused traffic cannot fill the disk.
denials_by_day = Table(
    "denials_by_day",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("reason", String(64), primary_key=True),
    Column("requests", BigInteger, nullable=False),
)

alerts_sent = Table(
    "alerts_sent",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("threshold_micro_usd", BigInteger, primary_key=True),
    Column("spent_micro_usd", BigInteger, nullable=False),
    Column("cap_micro_usd", BigInteger, nullable=False),
    Column("sent_at", UtcTimestamp, nullable=False),
)

# A row means that nothing is left to do for this alert and this URL (kept as its SHA-256 digest).
alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("threshold_micro_usd", BigInteger, primary_key=True),
    Column("url_digest", String(64), primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done_at", UtcTimestamp, nullable=False),
)

# What could not be booked, as it was found. `charged_micro_usd` counts as spent until an operator decides;
# `decided_micro_usd` is the decision: a cost to book, or -1 to drop it. A closed row, without its content, is
# what keeps the same one from being set aside again.
set_aside = Table(
    "set_aside",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("origin", String(128), nullable=False, unique=True),
    Column("reason", String(200), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("request_id", String(64), nullable=True),
    Column("key_id", String(64), nullable=True),
    Column("lineage_id", String(64), nullable=True),
    Column("team", String(128), nullable=True),
    Column("model", String(200), nullable=True),
    Column("started_us", BigInteger, nullable=False),
    Column("charged_micro_usd", BigInteger, nullable=False),
    Column("decided_micro_usd", BigInteger, nullable=True),
    Column("is_closed", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
