"""The tables of the store."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    ScalarSelect,
    String,
    Table,
    cast,
    func,
    select,
    text,
)

from pulumi_groq.gateway.store.column_types import (
    DeclaredBudgets,
    DeclaredLimit,
    DeclaredModelLimits,
    UtcTimestamp,
)


def is_text(asked: str) -> bool:
    """Whether any store could hold this. PostgreSQL's text has no NUL and refuses to be asked for one; none
    has half a surrogate pair.
    """
    return "\0" not in asked and not any("\ud800" <= character <= "\udfff" for character in asked)


def this_write() -> ScalarSelect[int]:
    """The number of the write under way, as a value of its rows: a write is alone, so they rise in the order
    in which writes are seen.
    """
    return select(commits.c.count + 1).scalar_subquery()


def whole_sum(counted: ColumnElement[int]) -> ColumnElement[int]:
    """The sum as a whole number: PostgreSQL's of a BIGINT would be a decimal."""
    return cast(func.sum(counted), BigInteger)


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
    Column("upstream_key", String(63), nullable=True),
    Column("requests_per_minute", DeclaredLimit, nullable=True),
    Column("tokens_per_minute", DeclaredLimit, nullable=True),
    Column("requests_per_day", DeclaredLimit, nullable=True),
    Column("tokens_per_day", DeclaredLimit, nullable=True),
    Column("max_parallel_requests", DeclaredLimit, nullable=True),
    Column("monthly_budget_micro_usd", BigInteger, nullable=True),
    Column("budgets", DeclaredBudgets, nullable=False),
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
    Column("max_parallel_requests", DeclaredLimit, nullable=True),
    Column("runaway", JSON(none_as_null=True), nullable=True),
    Column("share", Integer, nullable=True),
    Column("monthly_budget_micro_usd", BigInteger, nullable=True),
    Column("budgets", DeclaredBudgets, nullable=False),
    Column("model_limits", DeclaredModelLimits, nullable=False),
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
    Column("budgets", DeclaredBudgets, nullable=False),
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
    Column("principal", String(128), primary_key=True),
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

# Sums of the ledger, written with it; they stay when old rows of the ledger are dropped. `written_in` is the
# number of the write (see `commits`) that last changed a row: other gateways read on from there.
usage_by_day = Table(
    "usage_by_day",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("key_id", String(64), primary_key=True),
    Column("model", String(200), primary_key=True),
    # The one that the key had then; empty for none, as no part of a primary key may be NULL.
    Column("team", String(128), primary_key=True),
    Column("lineage_id", String(64), nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost_micro_usd", BigInteger, nullable=False),
    Column("last_used_at", UtcTimestamp, nullable=False),
    Column("written_in", BigInteger, nullable=False),
    Index("ix_usage_by_day_key_id_last_used_at", "key_id", "last_used_at"),
    Index("ix_usage_by_day_written_in", "written_in"),
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
    Column("alert_id", String(128), primary_key=True),
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

# Money by escrow, see `policy.escrow`. Where no limit was lowered, `excess` is 0 and the constraint says that
# what is settled and what is out stay within the limit.
bank_accounts = Table(
    "bank_accounts",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("limit_micro_usd", BigInteger, nullable=True),
    Column("settled_micro_usd", BigInteger, nullable=False),
    Column("outstanding_micro_usd", BigInteger, nullable=False),
    Column("excess_micro_usd", BigInteger, nullable=False),
    # When its window ends.
    Column("until_s", BigInteger, nullable=True),
    Index("ix_bank_accounts_until_s", "until_s"),
    CheckConstraint(
        "limit_micro_usd IS NULL"
        " OR settled_micro_usd + outstanding_micro_usd <= limit_micro_usd + excess_micro_usd",
        name="stays_within_the_limit",
    ),
    CheckConstraint("outstanding_micro_usd >= 0", name="nothing_is_owed"),
    CheckConstraint("excess_micro_usd >= 0", name="excess_is_above"),
)

bank_members = Table(
    "bank_members",
    metadata,
    Column("replica", String(128), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("last_call", BigInteger, nullable=False),
    Column("last_answer", JSON, nullable=False),
)

# `is_charged`: the replica was forgotten, and what it held counts as settled.
bank_grants = Table(
    "bank_grants",
    metadata,
    Column("replica", String(128), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("account", String(255), primary_key=True),
    Column("is_charged", Boolean, primary_key=True),
    Column("amount_micro_usd", BigInteger, nullable=False),
    CheckConstraint("amount_micro_usd > 0", name="holds_something"),
)

# What applications have at the upstream: its id, and whose it is. `worst` is what the lines of an input file
# may cost, by model, and `needs` the permissions they need; an output file has neither.
files = Table(
    "files",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("lineage_id", String(64), nullable=False),
    Column("filename", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("worst", JSON, nullable=True),
    Column("needs", JSON, nullable=True),
    Column("created_s", BigInteger, nullable=False),
    Column("upstream_key", String(63), nullable=True),
    Index("ix_files_lineage_id", "lineage_id"),
)

# `request_id` is the request that created it, whose reservation it holds until it is settled. `upstream_id`
# is missing while it is not known whether the upstream has it; `document` is what the upstream last said. One
# that is settled says when, what it cost, and in which write (see `commits`) that was booked.
batches = Table(
    "batches",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("upstream_id", String(128), nullable=True, unique=True),
    Column("key_id", String(64), nullable=False),
    Column("lineage_id", String(64), nullable=False),
    Column("team", String(128), nullable=True),
    Column("input_file_id", String(128), nullable=False),
    Column("worst", JSON, nullable=False),
    Column("held_by_model_micro_usd", JSON, nullable=False),
    Column("document", JSON, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("unread_since_us", BigInteger, nullable=True),
    Column("is_settled", Boolean, nullable=False),
    Column("upstream_key", String(63), nullable=True),
    Column("settled_us", BigInteger, nullable=True),
    Column("cost_micro_usd", BigInteger, nullable=True),
    Column("booked_in", BigInteger, nullable=True),
    Index("ix_batches_lineage_id", "lineage_id"),
    Index("ix_batches_booked_in", "booked_in"),
)
