"""One file of the journal, written through a memory map: a line costs no system call.

What is copied into the map belongs to the operating system, as after a `write`: a killed process loses
none of it. The file's space is taken from the disk before it is written to, so that a full disk is an error
where the file begins or grows. What is not written yet is zeros, which no line begins with.
"""

import errno
import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_CANNOT_ALLOCATE: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class JournalSegment:
    """A new file at `path` that begins with `content` and grows by at least `step_bytes` at a time.

    Raises `OSError` where the disk has no room: a file that cannot begin is removed.
    """

    def __init__(self, path: Path, content: bytes, step_bytes: int) -> None:
        self.size = 0
        self._room = 0
        self._step_bytes = step_bytes
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._map = self._grown(len(content))
            self.append(content)
        except OSError:
            os.close(self._descriptor)
            path.unlink()
            raise

    def append(self, line: bytes) -> None:
        """Add a line; one that there is no room for is not begun."""
        end = self.size + len(line)
        if end > self._room:
            self._map = self._grown(end)
        self._map[self.size : end] = line
        self.size = end

    def close(self) -> None:
        """Write no more, and give back what was not used, where the disk takes it back."""
        self._map.close()
        try:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
        finally:
            os.close(self._descriptor)

    def _grown(self, least_bytes: int) -> mmap.mmap:
        room = max(self._room + self._step_bytes, least_bytes)
        _allocate(self._descriptor, self._room, room - self._room)
        grown = mmap.mmap(self._descriptor, room)
        if self._room:
            self._map.close()
        self._room = room
        return grown


def written_bytes(path: Path) -> bytes:
    """What was written to a segment, closed or not."""
    return path.read_bytes().rstrip(b"\0")


def _allocate(descriptor: int, start: int, count: int) -> None:
    """Takes `count` bytes of the disk at `start`; they read as zeros."""
    if hasattr(os, "posix_fallocate"):  # not on macOS
        try:
            os.posix_fallocate(descriptor, start, count)
        except OSError as failure:
            if failure.errno not in _CANNOT_ALLOCATE:
                raise
        else:
            return
    written = 0
    while written < count:
        written += os.pwrite(descriptor, bytes(min(count - written, 1 << 20)), start + written)
