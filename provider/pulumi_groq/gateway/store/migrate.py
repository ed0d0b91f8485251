"""Brings a store to this program's schema at start; refuses one that a newer program has changed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pulumi_groq.gateway.store.errors import StoreOpenError

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the outstanding revisions, up to `revision`, inside the transaction of `connection`.

    Raises `StoreOpenError` when the store is at a revision that this program does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise StoreOpenError(
            f"the store is at schema revision {current}, which this version of pulumi-groq does not know: "
            "a newer version has used it; start that version, or restore a backup"
        )
    command.upgrade(config, revision)
