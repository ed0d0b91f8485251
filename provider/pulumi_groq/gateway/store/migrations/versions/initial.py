"""All tables: what the admin API manages, what the metering books, and what was changed when."""

import sqlalchemy as sa
from alembic import op

from pulumi_groq.gateway.store.column_types import (
    DeclaredBudgets,
    DeclaredLimit,
    DeclaredModelLimits,
    UtcTimestamp,
)
from pulumi_groq.gateway.store.migrations.metering_tables import create_metering

revision = "1.0"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    _create_teams()
    _create_api_keys()
    _create_admin_keys()
    _create_workload_identities()
    _create_spend_policy()
    _create_idempotency()
    create_metering()
    _create_changes()
    _create_commits()
    _create_replicas()
    _create_ended_sessions()
    _create_files()
    _create_batches()
    _create_consumers()


def _create_teams() -> None:
    op.create_table(
        "teams",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("allowed_models", sa.JSON, nullable=False),
        sa.Column("allowed_tools", sa.JSON, nullable=False),
        sa.Column("upstream_key", sa.String(63), nullable=True),
        sa.Column("requests_per_minute", DeclaredLimit, nullable=True),
        sa.Column("tokens_per_minute", DeclaredLimit, nullable=True),
        sa.Column("requests_per_day", DeclaredLimit, nullable=True),
        sa.Column("tokens_per_day", DeclaredLimit, nullable=True),
        sa.Column("max_parallel_requests", DeclaredLimit, nullable=True),
        sa.Column("monthly_budget_micro_usd", sa.BigInteger, nullable=True),
        sa.Column("budgets", DeclaredBudgets, nullable=False),
        sa.Column("managed_by", sa.String(1024), nullable=True),
        sa.Column("declared_as", sa.String(1024), nullable=True),
        sa.Column("claim", sa.String(64), nullable=True),
        sa.Column("former_holders", sa.JSON, nullable=False),
        sa.Column("created_at", UtcTimestamp, nullable=False),
        sa.Column("updated_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_teams"),
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("seq", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("managed_by", sa.String(1024), nullable=True),
        sa.Column("declared_as", sa.String(1024), nullable=True),
        sa.Column("claim", sa.String(64), nullable=True),
        sa.Column("former_holders", sa.JSON, nullable=False),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("replaces", sa.String(64), nullable=True),
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("allowed_models", sa.JSON, nullable=False),
        sa.Column("allowed_tools", sa.JSON, nullable=False),
        sa.Column("requests_per_minute", DeclaredLimit, nullable=True),
        sa.Column("tokens_per_minute", DeclaredLimit, nullable=True),
        sa.Column("requests_per_day", DeclaredLimit, nullable=True),
        sa.Column("tokens_per_day", DeclaredLimit, nullable=True),
        sa.Column("max_parallel_requests", DeclaredLimit, nullable=True),
        sa.Column("runaway", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("share", sa.Integer, nullable=True),
        sa.Column("monthly_budget_micro_usd", sa.BigInteger, nullable=True),
        sa.Column("budgets", DeclaredBudgets, nullable=False),
        sa.Column("model_limits", DeclaredModelLimits, nullable=False),
        sa.Column("expires_at", UtcTimestamp, nullable=True),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("created_at", UtcTimestamp, nullable=False),
        sa.Column("updated_at", UtcTimestamp, nullable=False),
        sa.Column("deleted_at", UtcTimestamp, nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_api_keys"),
        sa.UniqueConstraint("id", name="uq_api_keys_id"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
        sa.CheckConstraint("(key_hash IS NULL) = (deleted_at IS NOT NULL)", name="live_keys_have_a_hash"),
        sqlite_autoincrement=True,
    )
    for column in ("name", "managed_by", "team", "lineage_id"):
        op.create_index(f"ix_api_keys_{column}", "api_keys", [column])


def _create_admin_keys() -> None:
    op.create_table(
        "admin_keys",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("teams", sa.JSON, nullable=False),
        sa.Column("expires_at", UtcTimestamp, nullable=True),
        sa.Column("created_at", UtcTimestamp, nullable=False),
        sa.Column("updated_at", UtcTimestamp, nullable=False),
        sa.Column("managed_by", sa.String(1024), nullable=True),
        sa.Column("declared_as", sa.String(1024), nullable=True),
        sa.Column("claim", sa.String(64), nullable=True),
        sa.Column("former_holders", sa.JSON, nullable=False),
        sa.Column("replaces", sa.String(64), nullable=True),
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("made_by", sa.String(128), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=True),
        sa.Column("sealed_answer", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_admin_keys"),
        sa.UniqueConstraint("key_hash", name="uq_admin_keys_key_hash"),
    )
    op.create_table(
        "admin_key_uses",
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("last_used_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_admin_key_uses"),
    )


def _create_workload_identities() -> None:
    op.create_table(
        "workload_identities",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("issuer", sa.String(1024), nullable=False),
        sa.Column("audience", sa.String(1024), nullable=False),
        sa.Column("claims", sa.JSON, nullable=False),
        sa.Column("claim_patterns", sa.JSON, nullable=False),
        sa.Column("credential_minutes", sa.Integer, nullable=False),
        sa.Column("admin_role", sa.String(16), nullable=True),
        sa.Column("role_teams", sa.JSON, nullable=False),
        sa.Column("allowed_models", sa.JSON, nullable=False),
        sa.Column("allowed_tools", sa.JSON, nullable=False),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("requests_per_minute", DeclaredLimit, nullable=True),
        sa.Column("tokens_per_minute", DeclaredLimit, nullable=True),
        sa.Column("requests_per_day", DeclaredLimit, nullable=True),
        sa.Column("tokens_per_day", DeclaredLimit, nullable=True),
        sa.Column("max_parallel_requests", DeclaredLimit, nullable=True),
        sa.Column("monthly_budget_micro_usd", sa.BigInteger, nullable=True),
        sa.Column("budgets", DeclaredBudgets, nullable=False),
        sa.Column("model_limits", DeclaredModelLimits, nullable=False),
        sa.Column("runaway", sa.JSON, nullable=True),
        sa.Column("share", sa.Integer, nullable=True),
        sa.Column("managed_by", sa.String(1024), nullable=True),
        sa.Column("declared_as", sa.String(1024), nullable=True),
        sa.Column("claim", sa.String(64), nullable=True),
        sa.Column("former_holders", sa.JSON, nullable=False),
        sa.Column("created_at", UtcTimestamp, nullable=False),
        sa.Column("updated_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workload_identities"),
        sa.UniqueConstraint("name", name="uq_workload_identities_name"),
    )
    op.create_table(
        "identity_subjects",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("identity_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("first_seen_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_subjects"),
    )
    op.create_index("ix_identity_subjects_identity_id", "identity_subjects", ["identity_id"])


def _create_spend_policy() -> None:
    op.create_table(
        "spend_policy",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("monthly_cap_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("budgets", DeclaredBudgets, nullable=False),
        sa.Column("alert_thresholds_micro_usd", sa.JSON, nullable=False),
        sa.Column("auto_pause", sa.Boolean, nullable=False),
        sa.Column("alert_webhook_urls", sa.JSON, nullable=False),
        sa.Column("alert_webhook_signing_secret", sa.String(256), nullable=True),
        sa.Column("managed_by", sa.String(1024), nullable=True),
        sa.Column("declared_as", sa.String(1024), nullable=True),
        sa.Column("claim", sa.String(64), nullable=True),
        sa.Column("former_holders", sa.JSON, nullable=False),
        sa.Column("created_at", UtcTimestamp, nullable=False),
        sa.Column("updated_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_spend_policy"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("principal", sa.String(128), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary, nullable=True),
        sa.Column("created_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name="pk_idempotency"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_idempotency_key_id"),
    )
    op.create_index("ix_idempotency_key_id", "idempotency", ["key_id"])
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("at", UtcTimestamp, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("object_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("managed_by", sa.String(1024), nullable=True),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(2048), nullable=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sqlite_autoincrement=True,
    )


def _create_commits() -> None:
    table = op.create_table(
        "commits",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_commits"),
        sa.CheckConstraint("id = 1", name="one_row"),
    )
    op.bulk_insert(table, [{"id": 1, "count": 0}])


def _create_replicas() -> None:
    op.create_table(
        "replicas",
        sa.Column("replica", sa.String(128), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("joined_at", UtcTimestamp, nullable=False),
        sa.Column("seen_at", UtcTimestamp, nullable=False),
        sa.Column("cap_refused_month", sa.String(7), nullable=True),
        sa.Column("cap_refused_micro_usd", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("replica", name="pk_replicas"),
    )
    op.create_table(
        "last_uses",
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("last_used_at", UtcTimestamp, nullable=False),
        sa.Column("written_in", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_last_uses"),
    )
    op.create_index("ix_last_uses_written_in", "last_uses", ["written_in"])
    op.create_table(
        "shared_secrets",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_shared_secrets"),
    )


def _create_ended_sessions() -> None:
    op.create_table(
        "alert_senders",
        sa.Column("alert_id", sa.String(128), nullable=False),
        sa.Column("sender", sa.String(128), nullable=False),
        sa.Column("at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alert_senders"),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("nonce", sa.String(32), nullable=False),
        sa.Column("ends_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("nonce", name="pk_ended_sessions"),
    )


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("worst", sa.JSON, nullable=True),
        sa.Column("needs", sa.JSON, nullable=True),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("upstream_key", sa.String(63), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("ix_files_lineage_id", "files", ["lineage_id"])


def _create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("upstream_id", sa.String(128), nullable=True),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("input_file_id", sa.String(128), nullable=False),
        sa.Column("worst", sa.JSON, nullable=False),
        sa.Column("held_by_model_micro_usd", sa.JSON, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("unread_since_us", sa.BigInteger, nullable=True),
        sa.Column("is_settled", sa.Boolean, nullable=False),
        sa.Column("upstream_key", sa.String(63), nullable=True),
        sa.Column("settled_us", sa.BigInteger, nullable=True),
        sa.Column("cost_micro_usd", sa.BigInteger, nullable=True),
        sa.Column("booked_in", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("request_id", name="pk_batches"),
        sa.UniqueConstraint("upstream_id", name="uq_batches_upstream_id"),
    )
    op.create_index("ix_batches_lineage_id", "batches", ["lineage_id"])
    op.create_index("ix_batches_booked_in", "batches", ["booked_in"])


def _create_consumers() -> None:
    op.create_table(
        "consumers",
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(200), nullable=False),
        sa.Column("last_used_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "address", "user_agent", name="pk_consumers"),
    )
    op.create_index("ix_consumers_last_used_us", "consumers", ["last_used_us"])
