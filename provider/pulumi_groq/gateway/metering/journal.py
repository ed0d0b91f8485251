"""The journal: admissions and settlements since the ledger was last written, recorded before callers go on.

A line is the operating system's before the call returns, so a killed process (kill -9 included) loses
nothing that was acknowledged. It is not synced: a power cut may lose what was settled since the last write
of the ledger, a quarter of a second by default.
"""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pulumi_groq.gateway.metering.entries import Admission, Settlement, parsed_line
from pulumi_groq.gateway.metering.journal_segment import JournalSegment, written_bytes

SEGMENT_BYTES: Final = 4 * 1024 * 1024
SETTLEMENT_BYTES: Final = 256
"""Space kept for the settlement of each request in flight: a line of it is at most as long."""

_NAME: Final = "[0-9]" * 12 + ".jsonl"


def journal_directory(database: Path) -> Path:
    """Where the journal of a store is."""
    return database.with_name(database.name + ".journal")


class DamagedLine(NamedTuple):
    """A line that could not be read as an entry, and why. `is_cut_off` is the end of the newest segment,
    where a crash or a power cut leaves an unfinished line.
    """

    segment: str
    offset: int
    content: bytes
    reason: str
    is_cut_off: bool


class Journal:
    """Numbered segments in `directory`, which is made when it is missing. Only the newest is written to.

    Files with other names are not part of it and are left alone. Methods raise `OSError` when the disk
    has no space or it is closed; a line that was not taken is not read back.
    """

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._number = max((_number(path) for path in self._segments()), default=0)
        self._segment: JournalSegment | None = None
        self._carried = 0

    def strays(self) -> list[str]:
        """The names of files that look like segments but are not: they may hold what was spent."""
        segments = set(self._segments())
        return sorted(path.name for path in self._directory.glob("*.jsonl") if path not in segments)

    def read(self) -> Iterator[Admission | Settlement | DamagedLine]:
        """Every line of all segments, oldest first."""
        paths = self._segments()
        for path in paths:
            yield from _entries(path, is_newest=path == paths[-1])

    @property
    def newest(self) -> int:
        """The number of the newest segment."""
        return self._number

    def open(self) -> None:
        """Begin a new segment to write to."""
        self._begin(b"")

    def write(self, line: bytes, in_flight: int = 0) -> None:
        """Append a line to the open segment, where the settlements of so many requests will fit, too."""
        if self._segment is None:
            raise OSError(errno.EBADF, "the journal is closed")
        self._segment.append(line, in_flight * SETTLEMENT_BYTES)

    def ensure_space(self, in_flight: int) -> None:
        """Be ready for a further reservation beside the settlements of so many requests; opens a segment
        where none could be begun.
        """
        if self._segment is None:
            self.open()
        else:
            self._segment.take((in_flight + 2) * SETTLEMENT_BYTES)

    @property
    def is_full(self) -> bool:
        """Whether it is time to `turn` to a new segment: what was carried over does not count."""
        if self._segment is None:
            return False
        return self._segment.size - self._carried > max(self._segment_bytes, self._carried)

    def turn(self, open_admissions: bytes) -> int:
        """Begin a new segment with the lines of what is still open; gives the number of the former one."""
        former = self._number
        self._begin(open_admissions)
        return former

    def drop(self, up_to: int) -> None:
        """Remove the segments up to this number: all that they hold is in the ledger or carried over."""
        for path in self._segments():
            if _number(path) <= up_to:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write no more."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()

    def _begin(self, content: bytes) -> None:
        path = self._directory / f"{self._number + 1:012d}.jsonl"
        segment = JournalSegment(path, content, self._segment_bytes)
        self.close()
        self._number += 1
        self._segment = segment
        self._carried = len(content)

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob(_NAME))


def _number(path: Path) -> int:
    return int(path.stem)


def _entries(path: Path, *, is_newest: bool) -> Iterator[Admission | Settlement | DamagedLine]:
    content = written_bytes(path)
    offset = 0
    for line in content.split(b"\n"):
        end = offset + len(line)
        if line:
            is_last = is_newest and end == len(content)
            try:
                if end == len(content):
                    raise ValueError("it is cut off")
                yield parsed_line(line)
            except ValueError as why:
                yield DamagedLine(path.name, offset, line, str(why), is_last)
        offset = end + 1
