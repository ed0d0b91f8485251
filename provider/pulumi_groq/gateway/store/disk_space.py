"""Takes disk space before it is needed, so that a full disk is an error at a time of our choosing."""

import errno
import os
from pathlib import Path
from typing import Final

RESERVE_BYTES: Final = 4 * 1024 * 1024
"""As much as a segment of the journal, whose content needs less in the store."""

NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The disk is full, the quota used up, or a file as large as it may be."""

_CANNOT_ALLOCATE: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def allocate(descriptor: int, start: int, count: int) -> None:
    """Takes `count` bytes of the disk at `start`; they read as zeros. Raises `OSError`."""
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


class DiskReserve:
    """A file that holds `count` bytes of the disk, given back to book what was acknowledged when all else
    is full. Call it while holding the store.
    """

    def __init__(self, path: Path, count: int = RESERVE_BYTES) -> None:
        self._path = path
        self._count = count
        self.is_held = False

    def hold(self) -> None:
        """Take the space; nothing happens when it is held. Raises `OSError` where the disk has none."""
        if self.is_held:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            allocate(descriptor, 0, self._count)
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        self.is_held = True

    def release(self) -> None:
        """Give the space back."""
        self.is_held = False
        self._path.unlink(missing_ok=True)
