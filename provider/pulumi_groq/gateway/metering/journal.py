"""The journal: admissions and settlements since the ledger was last written, recorded before callers go on.

A line is the operating system's before the call returns, so a killed process (kill -9 included) loses
nothing that was acknowledged. It is not synced: a power cut may lose what was settled since the last write
of the ledger, a quarter of a second by default.

Space is taken from the disk before it is written to, and a line is one `pwrite`, so a disk that cannot take
it says so as an error; through a memory map it would be a SIGBUS on file systems that copy on write, for
0.6 us less a line (2.5 us with 32 connections). What is not written yet is zeros, which begin no line.
"""

import errno
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from pulumi_groq.gateway.store.disk_space import NO_SPACE, allocate
from pulumi_groq.gateway.store.ledger import LedgerRecord

Outcome = Literal["settled", "expired", "interrupted"]
"""`expired`: nobody settled it in time; `interrupted`: the process ended first. Both cost the reservation."""

LARGEST_COST_MICRO_USD: Final = 10**12
"""A million dollars: no request costs as much, and the store can hold nine million times as much."""
LARGEST_TOKENS: Final = 10**10
LAST_S: Final = 253_402_300_799
"""The end of the year 9999, Unix seconds: no later time can be written as a date."""

_CHECKSUM_LENGTH: Final = 8


class Admission(NamedTuple):
    """A request that was admitted at `started_s` (Unix seconds), and the most it may cost."""

    request_id: str
    key_id: str
    lineage_id: str
    team: str | None
    model: str
    cost_micro_usd: int
    started_s: float


class Settlement(NamedTuple):
    """What became of a request, at `settled_s` (Unix seconds); `status` is the HTTP status, 0 for none."""

    request_id: str
    outcome: Outcome
    status: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_micro_usd: int
    settled_s: float


class LedgerRow(NamedTuple):
    """A request that is over. It is booked on the day and in the month in which it was admitted."""

    admission: Admission
    settlement: Settlement

    def record(self) -> LedgerRecord:
        """As the store keeps it."""
        request_id, key_id, lineage_id, team, model, _, started_s = self.admission
        _, outcome, status, prompt, cached, completion, cost_micro_usd, settled_s = self.settlement
        return LedgerRecord(
            request_id,
            key_id,
            lineage_id,
            team,
            model,
            outcome,
            status,
            prompt,
            cached,
            completion,
            cost_micro_usd,
            round(started_s * 1_000_000),
            round(settled_s * 1_000_000),
        )


def charged_as_reserved(admission: Admission, outcome: Outcome, at_s: float) -> LedgerRow:
    """The row of a request whose use will never be known: it costs what was reserved."""
    return LedgerRow(
        admission,
        Settlement(admission.request_id, outcome, 0, 0, 0, 0, admission.cost_micro_usd, at_s),
    )


def admission_line(admission: Admission) -> bytes:
    """The admission as a line of the journal."""
    request_id, key_id, lineage_id, team, model, cost_micro_usd, started_s = admission
    # Put together by hand: this is on the path of every request, and takes half the time of json.dumps.
    whose = _whose(key_id, lineage_id, team, model)
    return _checked(f'["r",{_quoted(request_id)},{whose},{cost_micro_usd},{started_s!r}]\n'.encode())


@lru_cache(maxsize=1024)
def _whose(key_id: str, lineage_id: str, team: str | None, model: str) -> str:
    in_team = "null" if team is None else _quoted(team)
    return f"{_quoted(key_id)},{_quoted(lineage_id)},{in_team},{_quoted(model)}"


def settlement_line(settlement: Settlement) -> bytes:
    """The settlement as a line of the journal."""
    request_id, outcome, status, prompt, cached, completion, cost_micro_usd, settled_s = settlement
    return _checked(
        f'["s",{_quoted(request_id)},"{outcome}",{status},{prompt},{cached},{completion},'
        f"{cost_micro_usd},{settled_s!r}]\n".encode()
    )


def _checked(content: bytes) -> bytes:
    return b"%08x %b" % (zlib.crc32(content), content)


def parsed_line(line: bytes) -> Admission | Settlement:
    """A line of the journal without its end.

    Raises `ValueError`, saying why, for one that a crash cut off, that is damaged, or that no gateway wrote.
    """
    checksum, content = line[:_CHECKSUM_LENGTH], line[_CHECKSUM_LENGTH + 1 :]
    if checksum != b"%08x" % zlib.crc32(content + b"\n"):
        raise ValueError("its checksum does not fit")
    try:
        kind, *fields = json.loads(content)
        if kind == "r":
            return Admission(*fields)
        if kind == "s":
            return Settlement(*fields)
    except (ValueError, TypeError, RecursionError):
        pass
    raise ValueError("it is no entry of the journal")


def fault_of(entry: Admission | Settlement) -> str | None:
    """What cannot be true of an entry, whose values may have any type; `None` if it can be booked."""
    values: tuple[Any, ...] = entry
    kind = type(entry)
    first = _FIRST_NUMBER[kind]
    # By its exact type: true, 5.0 and a text are no counts.
    for value, (name, most) in zip(values[first:-1], _LARGEST[kind], strict=True):
        if type(value) is not int:
            return f"its {name} is no number of this kind"
        if not 0 <= value <= most:
            return f"its {name} cannot be true"
    return _time_fault(values[-1]) or _text_fault(entry, values[:first])


def _time_fault(at_s: Any) -> str | None:
    if type(at_s) is not float and type(at_s) is not int:
        return "its time is no number of this kind"
    # nan is in no order
    return None if 0 <= at_s <= LAST_S else "its time cannot be true"


def _text_fault(entry: Admission | Settlement, texts: Sequence[Any]) -> str | None:
    for text in texts:
        if type(text) is str and text.isascii():
            continue
        if text is None and isinstance(entry, Admission) and text is entry.team:
            continue
        if not isinstance(text, str) or _SURROGATE.search(text) is not None:
            return "a name in it is no text"
    if isinstance(entry, Settlement) and entry.outcome not in _OUTCOMES:
        return "its outcome is unknown"
    return None


_OUTCOMES: Final = frozenset(get_args(Outcome))
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_FIRST_NUMBER: Final[Mapping[type, int]] = {Admission: 5, Settlement: 2}
_LARGEST: Final[Mapping[type, Sequence[tuple[str, int]]]] = {
    Admission: (("cost", LARGEST_COST_MICRO_USD),),
    Settlement: (
        ("status", 999),
        ("prompt", LARGEST_TOKENS),
        ("cached prompt", LARGEST_TOKENS),
        ("completion", LARGEST_TOKENS),
        ("cost", LARGEST_COST_MICRO_USD),
    ),
}
"""The counts between the texts of an entry and its time, in its order, and how large each may be."""


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
