"""Exactly one gateway per SQLite file: limits and budgets counted in two processes would not be held."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.owner import give_to_owner


class StoreLock:
    """Holds `<store>.lock` for as long as the process lives; the kernel frees it after a kill -9.

    A file of its own: closing any descriptor of the database itself would drop SQLite's own locks.
    Raises `StoreOpenError` when another process holds it or it cannot be written.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._made = not self._path.exists()
        self._file = self._locked()
        while not self._is_in_place():  # withdrawn by its maker in between: it would lock nobody out
            self._file.close()
            self._file = self._locked()

    def release(self) -> None:
        """Let another process have the store."""
        self._file.close()

    def withdraw(self) -> None:
        """Release it where nothing was done with the store; the file goes if it was not there before."""
        if self._made:
            self._path.unlink(missing_ok=True)
        self.release()

    def _locked(self) -> BinaryIO:
        try:
            file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+")
            give_to_owner(self._path)
        except OSError as error:
            raise StoreOpenError(
                f"cannot write {self._path}: {error.strerror}; give a writable place"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StoreOpenError(
                f"another gateway is using {self._path.with_suffix('')}: stop it first, or name another store"
            ) from None
        return file

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False
