"""Stores of the tests' own on SQLite: the empty one is made once for each process of tests, and copied."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from pulumi_groq.gateway.store.store import Store, open_store


def open_at(database: Path) -> Store:
    """The store at `database`, which is empty where there is none yet."""
    if not database.exists():
        for file in _made().glob("empty.db*"):
            shutil.copy(file, database.with_name(file.name.replace("empty.db", database.name)))
    return open_store(f"sqlite:///{database}")


@cache
def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="empty-store-"))
    atexit.register(shutil.rmtree, folder)
    open_store(f"sqlite:///{folder / 'empty.db'}").close()
    (folder / "empty.db.lock").unlink()
    return folder
