"""One file of the journal. Its space is taken from the disk before it is written to.

A line is one `pwrite`, so a disk that cannot take it says so as an error; through a memory map it would be a
SIGBUS on file systems that copy on write, for 0.6 us less a line. What is not written yet is zeros, which
no line begins with.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from pulumi_groq.gateway.store.disk_space import NO_SPACE, allocate

SMALLEST_STEP_BYTES: Final = 64 * 1024
"""What a segment makes do with where the disk has no more."""


class JournalSegment:
    """A new file at `path` that begins with `content` and grows by `step_bytes` at a time, or by less where
    the disk has less.

    Raises `OSError` where the disk has no space: a file that cannot begin is removed.
    """

    def __init__(self, path: Path, content: bytes, step_bytes: int) -> None:
        self.size = 0
        self._taken = 0
        self._step_bytes = step_bytes
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self.append(content)
            self.take(1)
        except OSError:
            os.close(self._descriptor)
            path.unlink()
            raise

    def append(self, line: bytes, keep_bytes: int = 0) -> None:
        """Add a line where there is space for it and `keep_bytes` more; else it is not begun."""
        if self.size + len(line) + keep_bytes > self._taken:
            self.take(len(line) + keep_bytes)
        written = os.pwrite(self._descriptor, line, self.size)
        if written != len(line):
            # The rest of a line that was begun would be read as a damaged one.
            os.pwrite(self._descriptor, bytes(written), self.size)
            raise OSError(NO_SPACE[0], os.strerror(NO_SPACE[0]))
        self.size += written

    def take(self, free_bytes: int) -> None:
        """Have at least `free_bytes` to write to."""
        least = self.size + free_bytes - self._taken
        if least <= 0:
            return
        try:
            self._grow(max(self._step_bytes, least))
        except OSError as failure:
            if failure.errno not in NO_SPACE:
                raise
            self._grow(max(min(self._step_bytes, SMALLEST_STEP_BYTES), least))

    def close(self) -> None:
        """Write no more, and give back what was not used, where the disk takes it back."""
        try:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
        finally:
            os.close(self._descriptor)

    def _grow(self, count: int) -> None:
        allocate(self._descriptor, self._taken, count)
        self._taken += count


def written_bytes(path: Path) -> bytes:
    """What was written to a segment, closed or not."""
    return path.read_bytes().rstrip(b"\0")
