"""Brings a store to this program's schema at start; refuses one that it cannot serve.

A revision is called `MAJOR.MINOR`. Within a major a revision only adds what the version before can leave
alone, so that it serves such a store, too, beside gateways that are newer; CONTRIBUTING.md says what that is,
and a test holds the revisions to it.
"""

import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.postgresql import compare_bytes

MIGRATIONS = Path(__file__).parent / "migrations"
UNPUBLISHED = frozenset({"0001", "r0001", "r0002", "r0003", "r0004"})
"""Revisions that no published version has ever made."""
REVISION = re.compile(r"([1-9][0-9]{0,3})\.([0-9]{1,4})")
_COPY = "copy-"
"""Begins what stands in the place of the revision of a store that is copied to: refused by any version."""


def is_current(connection: Connection) -> bool:
    """Whether nothing is left to `migrate`: also where a newer program has added to the store what this one
    can leave alone.

    Raises `StoreOpenError` when the store is at a revision that this program cannot serve, or no whole copy.
    """
    scripts = ScriptDirectory.from_config(_config(connection))
    current = MigrationContext.configure(connection).get_current_revision()
    if begun_copy(connection) is not None:
        raise StoreOpenError(
            "the store is a copy that is not whole: run the same `pulumi-groq store copy` again, it goes on "
            "where it stopped"
        )
    if current in UNPUBLISHED:
        raise StoreOpenError(
            f"the store is at schema revision {current}, of a version before 0.1.0 that was never published: "
            "give a new store, and run pulumi up to declare everything again"
        )
    head = scripts.get_current_head() or ""
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        if _only_adds(current, head):
            return True
        raise StoreOpenError(
            f"the store is at schema revision {current}, which this version of pulumi-groq does not know: "
            "a newer version has used it; start that version, or restore a backup"
        )
    return current == head


def is_new(connection: Connection) -> bool:
    """Whether no version has ever made its tables."""
    return MigrationContext.configure(connection).get_current_revision() is None


def require_own(connection: Connection) -> None:
    """Raise `StoreOpenError` unless the store, which `is_current`, has no more in it than this program knows:
    what it does not know would be missing in a copy.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current != _head(connection):
        raise StoreOpenError(
            f"the store is at schema revision {current}, of a newer version of pulumi-groq: copy it with that"
        )


def migrate(connection: Connection) -> None:
    """Run the outstanding revisions inside the transaction of `connection`."""
    if connection.dialect.name == "postgresql":
        # An index on a large ledger takes longer than any statement of a gateway may.
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    command.upgrade(_config(connection), "head")
    if connection.dialect.name == "postgresql":
        compare_bytes(connection)


def begun_copy(connection: Connection) -> str | None:
    """What a copy that is not whole is of, as `mark_copy` was told; `None` for any other store.

    Raises `StoreOpenError` for one that another version began.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None or not current.startswith(_COPY):
        return None
    revision, _, content = current.removeprefix(_COPY).partition("-")
    if revision != _head(connection):
        raise StoreOpenError(
            "the store is a copy that another version of pulumi-groq began and that is not whole: empty the "
            "database, and copy again"
        )
    return content


def mark_copy(connection: Connection, content: str | None) -> None:
    """Have everybody refuse the store as a copy of `content` (16 characters) that is not whole; `None`: it is
    whole. Only for stores that are `is_current` otherwise.
    """
    head = _head(connection)
    marked = head if content is None else f"{_COPY}{head}-{content}"
    connection.execute(text("UPDATE alembic_version SET version_num = :marked"), {"marked": marked})


def _only_adds(current: str, head: str) -> bool:
    """Whether a revision comes after `head` within the same major."""
    newer, own = REVISION.fullmatch(current), REVISION.fullmatch(head)
    if newer is None or own is None:
        return False
    return newer[1] == own[1] and int(newer[2]) > int(own[2])


def _head(connection: Connection) -> str:
    return ScriptDirectory.from_config(_config(connection)).get_current_head() or ""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
