"""The journal: what was admitted and settled since the ledger was last written, on disk before it is told.

A line is handed to the operating system before the call returns, so a killed process (kill -9
included) loses nothing that was acknowledged. It is not synced: a power cut may lose what was settled
since the last write of the ledger, a quarter of a second by default.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pulumi_groq.gateway.metering.entries import Reservation, Settlement, parsed_line

SEGMENT_BYTES: Final = 4 * 1024 * 1024
_SUFFIX: Final = ".jsonl"


class Journal:
    """Numbered segments in `directory`, which is made when it is missing. Only the newest is written to.

    Methods raise `OSError` when the disk does not take the line; nothing half-written is read back.
    """

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._number = max((_number(path) for path in self._segments()), default=0)
        self._descriptor = -1
        self._cut_off = False
        self._size = 0
        self._carried = 0

    def read(self) -> Iterator[Reservation | Settlement]:
        """Every whole entry of all segments, oldest first."""
        for path in self._segments():
            for line in path.read_bytes().split(b"\n"):
                entry = parsed_line(line) if line else None
                if entry is not None:
                    yield entry

    def open(self) -> int:
        """Begin a new segment to write to; gives its number."""
        self._begin(b"")
        return self._number

    def write(self, line: bytes) -> None:
        """Append a line."""
        if self._cut_off:
            line = b"\n" + line
        written = os.write(self._descriptor, line)
        self._cut_off = written != len(line)
        self._size += written
        if self._cut_off:
            raise OSError(f"the journal in {self._directory} took only a part of a line: is the disk full?")

    @property
    def is_full(self) -> bool:
        """Whether it is time to `turn` to a new segment: what was carried over does not count."""
        return self._size - self._carried > max(self._segment_bytes, self._carried)

    def turn(self, open_reservations: bytes) -> int:
        """Begin a new segment with the lines of what is still open; gives the number of the former one."""
        former = self._number
        self._begin(open_reservations)
        return former

    def drop(self, up_to: int) -> None:
        """Remove the segments up to this number: all that they hold is in the ledger or carried over."""
        for path in self._segments():
            if _number(path) <= up_to:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write no more."""
        if self._descriptor != -1:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self, content: bytes) -> None:
        path = self._directory / f"{self._number + 1:012d}{_SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if os.write(descriptor, content) != len(content):
            os.close(descriptor)
            path.unlink()
            raise OSError(f"the journal in {self._directory} cannot begin a new file: is the disk full?")
        self.close()
        self._number += 1
        self._descriptor = descriptor
        self._cut_off = False
        self._size = self._carried = len(content)

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob(f"*{_SUFFIX}"))


def _number(path: Path) -> int:
    return int(path.name.removesuffix(_SUFFIX))
