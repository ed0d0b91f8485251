"""Times of the ledger as Unix microseconds; its rows in one tree, by id."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

_KEPT = (
    "request_id, key_id, lineage_id, team, model, outcome, status, prompt_tokens, cached_tokens, "
    "completion_tokens, cost_micro_usd"
)


def _microseconds(column: str) -> str:
    """Of a time as SQLite keeps it: `2026-11-23 12:00:00.000000`."""
    seconds = f"CAST(strftime('%s', substr({column}, 1, 19)) AS INTEGER)"  # with the fraction it would round
    return f"{seconds} * 1000000 + CAST(substr({column}, 21) AS INTEGER)"


def upgrade() -> None:
    """Make the table anew and bring the rows over."""
    op.drop_index("ix_ledger_started_at", "ledger")
    op.rename_table("ledger", "ledger_before")
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
    op.execute(
        f"INSERT INTO ledger ({_KEPT}, started_us, settled_us) "  # noqa: S608 (nothing from outside)
        f"SELECT {_KEPT}, {_microseconds('started_at')}, {_microseconds('settled_at')} FROM ledger_before"
    )
    op.drop_table("ledger_before")
