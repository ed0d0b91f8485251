"""The ledger of requests, its sums by day, counted denials, and the alerts."""

import sqlalchemy as sa
from alembic import op

from pulumi_groq.gateway.store.columns import UtcTimestamp

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the metering."""
    _create_ledger()
    _create_usage_by_day()
    _create_denials_by_day()
    _create_alerts()


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("started_at", UtcTimestamp, nullable=False),
        sa.Column("settled_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_started_at", "ledger", ["started_at"])


def _create_usage_by_day() -> None:
    op.create_table(
        "usage_by_day",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("day", "key_id", "model", name="pk_usage_by_day"),
    )
    op.create_index("ix_usage_by_day_key_id_last_used_at", "usage_by_day", ["key_id", "last_used_at"])


def _create_denials_by_day() -> None:
    op.create_table(
        "denials_by_day",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "key_id", "model", "reason", name="pk_denials_by_day"),
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts_sent",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("threshold_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("spent_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("cap_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("sent_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("month", "threshold_micro_usd", name="pk_alerts_sent"),
    )
    op.create_table(
        "alert_deliveries",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("threshold_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("url_digest", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("month", "threshold_micro_usd", "url_digest", name="pk_alert_deliveries"),
    )
