"""The tables of the metering: what was used and refused, what was alerted, and money by escrow."""

import sqlalchemy as sa
from alembic import op

from pulumi_groq.gateway.store.column_types import UtcTimestamp


def create_metering() -> None:
    """Create them."""
    _create_ledger()
    _create_usage_by_day()
    _create_denials_by_day()
    _create_alerts()
    _create_runaways()
    _create_set_aside()
    _create_bank()


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
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("settled_us", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_ledger"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ledger_started_us", "ledger", ["started_us"])


def _create_usage_by_day() -> None:
    op.create_table(
        "usage_by_day",
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("team", sa.String(128), nullable=False),
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", UtcTimestamp, nullable=False),
        sa.Column("written_in", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "key_id", "model", "team", name="pk_usage_by_day"),
    )
    op.create_index("ix_usage_by_day_written_in", "usage_by_day", ["written_in"])
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
        sa.Column("alert_id", sa.String(128), nullable=False),
        sa.Column("url_digest", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done_at", UtcTimestamp, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "url_digest", name="pk_alert_deliveries"),
    )


def _create_runaways() -> None:
    op.create_table(
        "spend_by_slot",
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("slot", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("cost_micro_usd", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("lineage_id", "slot", name="pk_spend_by_slot"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_spend_by_slot_slot", "spend_by_slot", ["slot"])
    op.create_table(
        "runaways",
        sa.Column("lineage_id", sa.String(64), nullable=False),
        sa.Column("at", UtcTimestamp, nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("key_name", sa.String(128), nullable=False),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("spent_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("allowed_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("usual_micro_usd", sa.BigInteger, nullable=True),
        sa.Column("resumes_at", UtcTimestamp, nullable=True),
        sa.Column("ended_at", UtcTimestamp, nullable=True),
        sa.PrimaryKeyConstraint("lineage_id", "at", name="pk_runaways"),
    )
    op.create_index("ix_runaways_at", "runaways", ["at"])


def _create_set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("origin", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("request_id", sa.String(64), nullable=True),
        sa.Column("key_id", sa.String(64), nullable=True),
        sa.Column("lineage_id", sa.String(64), nullable=True),
        sa.Column("team", sa.String(128), nullable=True),
        sa.Column("model", sa.String(200), nullable=True),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("charged_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("decided_micro_usd", sa.BigInteger, nullable=True),
        sa.Column("is_closed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_set_aside"),
        sa.UniqueConstraint("origin", name="uq_set_aside_origin"),
        sqlite_autoincrement=True,
    )


def _create_bank() -> None:
    op.create_table(
        "bank_accounts",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("limit_micro_usd", sa.BigInteger, nullable=True),
        sa.Column("settled_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("outstanding_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("excess_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("until_s", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_bank_accounts"),
        sa.CheckConstraint(
            "limit_micro_usd IS NULL"
            " OR settled_micro_usd + outstanding_micro_usd <= limit_micro_usd + excess_micro_usd",
            name="stays_within_the_limit",
        ),
        sa.CheckConstraint("outstanding_micro_usd >= 0", name="nothing_is_owed"),
        sa.CheckConstraint("excess_micro_usd >= 0", name="excess_is_above"),
    )
    op.create_index("ix_bank_accounts_until_s", "bank_accounts", ["until_s"])
    op.create_table(
        "bank_members",
        sa.Column("replica", sa.String(128), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("is_live", sa.Boolean, nullable=False),
        sa.Column("last_call", sa.BigInteger, nullable=False),
        sa.Column("last_answer", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("replica", name="pk_bank_members"),
    )
    op.create_table(
        "bank_grants",
        sa.Column("replica", sa.String(128), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("account", sa.String(255), nullable=False),
        sa.Column("is_charged", sa.Boolean, nullable=False),
        sa.Column("amount_micro_usd", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("replica", "epoch", "account", "is_charged", name="pk_bank_grants"),
        sa.CheckConstraint("amount_micro_usd > 0", name="holds_something"),
    )
