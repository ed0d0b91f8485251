"""The tables of the store. A change needs a revision in `migrations/versions`; a test compares the two."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)

from pulumi_groq.gateway.store.columns import DeclaredLimit, UtcTimestamp

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

teams = Table(
    "teams",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("allowed_models", JSON, nullable=False),
    Column("allowed_tools", JSON, nullable=False),
    Column("managed_by", String(1024), nullable=True),
    Column("declared_as", String(1024), nullable=True),
    Column("claim", String(64), nullable=True),
    Column("former_holders", JSON, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
)

# A deleted key stays as a tombstone without its hash: past usage keeps its name, cursors keep their place.
api_keys = Table(
    "api_keys",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("key_hash", LargeBinary(32), nullable=True, unique=True),
    Column("last_four", String(4), nullable=False),
    Column("name", String(128), nullable=False),
    Column("managed_by", String(1024), nullable=True),
    Column("declared_as", String(1024), nullable=True),
    Column("claim", String(64), nullable=True),
    Column("former_holders", JSON, nullable=False),
    # No foreign key: a tombstone keeps the name of a team that may be gone.
    Column("team", String(128), nullable=True),
    Column("replaces", String(64), nullable=True),
    Column("lineage_id", String(64), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("allowed_models", JSON, nullable=False),
    Column("allowed_tools", JSON, nullable=False),
    Column("requests_per_minute", DeclaredLimit, nullable=True),
    Column("tokens_per_minute", DeclaredLimit, nullable=True),
    Column("requests_per_day", DeclaredLimit, nullable=True),
    Column("tokens_per_day", DeclaredLimit, nullable=True),
    Column("monthly_budget_micro_usd", BigInteger, nullable=True),
    Column("expires_at", UtcTimestamp, nullable=True),
    Column("metadata", JSON, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    Column("deleted_at", UtcTimestamp, nullable=True),
    # Only live keys have a hash, and every live key has one.
    CheckConstraint("(key_hash IS NULL) = (deleted_at IS NOT NULL)", name="live_keys_have_a_hash"),
    Index("ix_api_keys_name", "name"),
    Index("ix_api_keys_managed_by", "managed_by"),
    Index("ix_api_keys_team", "team"),
    Index("ix_api_keys_lineage_id", "lineage_id"),
    # SQLite would otherwise give the number of a removed last row again.
    sqlite_autoincrement=True,
)

spend_policy = Table(
    "spend_policy",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("monthly_cap_micro_usd", BigInteger, nullable=False),
    Column("alert_thresholds_micro_usd", JSON, nullable=False),
    Column("auto_pause", Boolean, nullable=False),
    Column("alert_webhook_urls", JSON, nullable=False),
    Column("alert_webhook_signing_secret", String(256), nullable=True),
    Column("managed_by", String(1024), nullable=True),
    Column("declared_as", String(1024), nullable=True),
    Column("claim", String(64), nullable=True),
    Column("former_holders", JSON, nullable=False),
    Column("created_at", UtcTimestamp, nullable=False),
    Column("updated_at", UtcTimestamp, nullable=False),
    CheckConstraint(text("id = 1"), name="one_row"),
)

# `sealed_answer` is what a replay sends again; it is dropped after its time while the row stays.
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("key_id", String(64), ForeignKey("api_keys.id"), nullable=False),
    Column("sealed_answer", LargeBinary, nullable=True),
    Column("created_at", UtcTimestamp, nullable=False),
    Index("ix_idempotency_key_id", "key_id"),
    Index("ix_idempotency_created_at", "created_at"),
)

# How many writes the store has taken: compared with the stamp beside it, see `stamp`.
commits = Table(
    "commits",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("count", BigInteger, nullable=False),
    CheckConstraint(text("id = 1"), name="one_row"),
)
