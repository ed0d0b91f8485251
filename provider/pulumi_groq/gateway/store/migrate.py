"""Brings a store to this program's schema at start; refuses one that a newer program has changed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pulumi_groq.gateway.store.errors import StoreOpenError

MIGRATIONS = Path(__file__).parent / "migrations"
UNPUBLISHED = frozenset({"r0001", "r0002", "r0003", "r0004"})
"""Revisions that no published version has ever made."""


def migrate(connection: Connection) -> None:
    """Run the outstanding revisions inside the transaction of `connection`.

    Raises `StoreOpenError` when the store is at a revision that this program does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current in UNPUBLISHED:
        raise StoreOpenError(
            f"the store is at schema revision {current}, of a version before 0.1.0 that was never published: "
            "give a new store, and run pulumi up to declare everything again"
        )
    if current is not None and current not in known:
        raise StoreOpenError(
            f"the store is at schema revision {current}, which this version of pulumi-groq does not know: "
            "a newer version has used it; start that version, or restore a backup"
        )
    command.upgrade(config, "head")
