"""How many writes the store has acknowledged, kept beside it: a store that holds fewer has lost some.

SQLite opens a database whose write-ahead log is gone without a word, as it was at the last checkpoint. The
stamp is written after each commit and not synced, so it is never ahead of what is on disk.
"""

import os
from contextlib import suppress
from pathlib import Path

from pulumi_groq.gateway.store.owner import give_to_owner


def stamp_path(database: Path) -> Path:
    """Where the stamp of a database is."""
    return database.with_name(database.name + ".stamp")


class CommitStamp:
    """The stamp of the store in `database`. Call it while holding the store."""

    def __init__(self, database: Path) -> None:
        self._path = stamp_path(database)
        self._descriptor: int | None = None

    def read(self) -> int | None:
        """The number of acknowledged writes; `None` where there is no stamp, or none that can be read."""
        try:
            return int(self._path.read_bytes())
        except (OSError, ValueError):
            return None

    def write(self, count: int) -> None:
        """Note a write. If the disk refuses it, the stamp is merely less precise."""
        with suppress(OSError):
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
                give_to_owner(self._path)
            os.pwrite(self._descriptor, b"%020d\n" % count, 0)

    def close(self) -> None:
        """Write no more."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
