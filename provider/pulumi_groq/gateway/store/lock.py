"""Exactly one gateway per SQLite file: limits and budgets counted in two processes would not be held."""

import fcntl
import os
from pathlib import Path

from pulumi_groq.gateway.store.errors import StoreOpenError


class StoreLock:
    """Holds `<store>.lock` for as long as the process lives; the kernel frees it after a kill -9.

    A file of its own: closing any descriptor of the database itself would drop SQLite's own locks.
    Raises `StoreOpenError` when another process holds it or it cannot be written.
    """

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+")
        except OSError as error:
            raise StoreOpenError(f"cannot write {path}: {error.strerror}; give a writable place") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise StoreOpenError(
                f"another gateway is using {database}: stop it first, or name another store"
            ) from None

    def release(self) -> None:
        """Let another process have the store."""
        self._file.close()
