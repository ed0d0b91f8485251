"""The journal: what was admitted and settled since the ledger was last written, kept before it is told.

A line is the operating system's before the call returns, so a killed process (kill -9 included) loses
nothing that was acknowledged. It is not synced: a power cut may lose what was settled since the last write
of the ledger, a quarter of a second by default.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pulumi_groq.gateway.metering.entries import Reservation, Settlement, parsed_line
from pulumi_groq.gateway.metering.journal_segment import JournalSegment, written_bytes

SEGMENT_BYTES: Final = 4 * 1024 * 1024
_SUFFIX: Final = ".jsonl"


class Journal:
    """Numbered segments in `directory`, which is made when it is missing. Only the newest is written to.

    Methods raise `OSError` when the disk has no room or it is closed; nothing half-written is read back.
    """

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._number = max((_number(path) for path in self._segments()), default=0)
        self._segment: JournalSegment | None = None
        self._carried = 0

    def read(self) -> Iterator[Reservation | Settlement]:
        """Every whole entry of all segments, oldest first."""
        for path in self._segments():
            for line in written_bytes(path).split(b"\n"):
                entry = parsed_line(line) if line else None
                if entry is not None:
                    yield entry

    def open(self) -> int:
        """Begin a new segment to write to; gives its number."""
        self._begin(b"")
        return self._number

    def write(self, line: bytes) -> None:
        """Append a line to the open segment."""
        if self._segment is None:
            raise OSError("the journal is closed")
        self._segment.append(line)

    @property
    def is_full(self) -> bool:
        """Whether it is time to `turn` to a new segment: what was carried over does not count."""
        if self._segment is None:
            return False
        return self._segment.size - self._carried > max(self._segment_bytes, self._carried)

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
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()

    def _begin(self, content: bytes) -> None:
        path = self._directory / f"{self._number + 1:012d}{_SUFFIX}"
        segment = JournalSegment(path, content, self._segment_bytes)
        self.close()
        self._number += 1
        self._segment = segment
        self._carried = len(content)

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob(f"*{_SUFFIX}"))


def _number(path: Path) -> int:
    return int(path.name.removesuffix(_SUFFIX))
