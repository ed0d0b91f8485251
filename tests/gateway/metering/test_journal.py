"""The journal: whole lines come back, cut ones do not, finished segments go."""

import errno
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.metering.journal import (
    LARGEST_COST_MICRO_USD,
    LAST_S,
    SEGMENT_BYTES,
    Admission,
    DamagedLine,
    Journal,
    Settlement,
    admission_line,
    fault_of,
    parsed_line,
    settlement_line,
)

RESERVED = Admission("req_1", "key_1", "key_1", None, "m", 10, 1.5)
SETTLED = Settlement("req_1", "settled", 200, 1, 0, 2, 7, 2.5)


@given(
    st.builds(
        Admission,
        *(st.text() for _ in range(3)),
        st.none() | st.text(),
        st.text(),
        st.integers(0, LARGEST_COST_MICRO_USD),
        st.floats(0, LAST_S),
    )
)
def test_any_admission_reads_back(admission: Admission) -> None:
    """Whatever the names hold, a line is one line and reads back the same."""
    try:
        line = admission_line(admission)
    except UnicodeEncodeError:
        return  # lone surrogates cannot be in a name: no JSON body with them is taken

    assert line.count(b"\n") == 1
    assert parsed_line(line[:-1]) == admission
    assert fault_of(admission) is None


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    """What was written before is read first, over segments and restarts."""
    first = Journal(tmp_path / "journal")
    first.open()
    first.write(admission_line(RESERVED))
    first.close()
    second = Journal(tmp_path / "journal")
    second.open()
    second.write(settlement_line(SETTLED))
    second.close()

    assert list(Journal(tmp_path / "journal").read()) == [RESERVED, SETTLED]


def journal_of(folder: Path, *lines: bytes) -> Journal:
    """A journal that was left with these lines in one segment."""
    journal = Journal(folder / "journal")
    journal.open()
    for line in lines:
        journal.write(line)
    journal.close()
    return Journal(folder / "journal")


@pytest.mark.parametrize("kept_bytes", range(1, len(settlement_line(SETTLED)), 3))
def test_a_line_cut_off_by_a_crash_is_told_apart(tmp_path: Path, kept_bytes: int) -> None:
    """The whole lines before it still count, and it is known for what every crash may leave."""
    cut = settlement_line(SETTLED)[:kept_bytes]
    first, last = journal_of(tmp_path, admission_line(RESERVED), cut).read()

    assert first == RESERVED
    assert isinstance(last, DamagedLine)
    assert (last.content, last.is_cut_off) == (cut, True)


@pytest.mark.parametrize("start", range(0, len(admission_line(RESERVED)) - 8, 5))
def test_eight_bytes_of_zeros_are_damage(tmp_path: Path, start: int) -> None:
    """Wherever they are in a line, the checksum tells, and the line is handed over as it is."""
    line = admission_line(RESERVED)
    zeroed = line[:start] + bytes(8) + line[start + 8 :]
    first, second = journal_of(tmp_path, zeroed, settlement_line(SETTLED)).read()

    assert isinstance(first, DamagedLine)
    assert (first.segment, first.offset, first.content) == ("000000000001.jsonl", 0, zeroed[:-1])
    assert not first.is_cut_off
    assert second == SETTLED


@given(st.binary(min_size=1, max_size=80).filter(lambda line: b"\n" not in line and line.strip(b"\0")))
def test_no_bytes_at_all_stop_the_reading(damaged: bytes) -> None:
    """Whatever a line holds, it is an entry with its checksum or it is damage."""
    with pytest.raises(ValueError, match=r"checksum|entry"):
        parsed_line(damaged)


@pytest.mark.parametrize("content", [b"{}", b"5", b'["r"]', b'["s",1]', b"null", b"[]", b"[" * 5000, b"\xff"])
def test_what_has_its_checksum_and_is_no_entry_is_damage(content: bytes) -> None:
    """A line that another program wrote stops no start."""
    with pytest.raises(ValueError, match="no entry"):
        parsed_line(b"%08x %b" % (zlib.crc32(content + b"\n"), content))


def test_the_end_of_a_former_segment_is_no_crash(tmp_path: Path) -> None:
    """Only the newest segment was being written to: elsewhere a cut line is a loss."""
    journal_of(tmp_path, settlement_line(SETTLED)[:20])
    damaged, entry = journal_of(tmp_path, settlement_line(SETTLED)).read()

    assert isinstance(damaged, DamagedLine)
    assert not damaged.is_cut_off
    assert entry == SETTLED


def test_a_file_of_another_name_is_no_segment(tmp_path: Path) -> None:
    """It is not read, and told of where it might be one."""
    journal_of(tmp_path, settlement_line(SETTLED))
    for name in ("notanumber.jsonl", "1.jsonl", ".nfs0001", "lost+found"):
        (tmp_path / "journal" / name).touch()
    journal = Journal(tmp_path / "journal")

    assert journal.strays() == ["1.jsonl", "notanumber.jsonl"]
    assert list(journal.read()) == [SETTLED]


def test_turning_carries_over_what_is_open(tmp_path: Path) -> None:
    """Dropping finished segments loses no reservation of a request in flight."""
    journal = Journal(tmp_path / "journal", segment_bytes=10)
    journal.open()
    journal.write(settlement_line(SETTLED))
    assert journal.is_full
    journal.drop(journal.turn(admission_line(RESERVED)))
    journal.close()

    assert list(Journal(tmp_path / "journal").read()) == [RESERVED]


def test_what_is_carried_over_does_not_fill_a_segment(tmp_path: Path) -> None:
    """Many open requests must not make the journal turn again and again."""
    journal = Journal(tmp_path / "journal", segment_bytes=10)
    journal.open()
    journal.turn(admission_line(RESERVED) * 100)
    assert not journal.is_full
    journal.write(admission_line(RESERVED))
    journal.close()

    assert not journal.is_full


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """Who used what is nobody else's business."""
    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.close()

    modes = [
        path.stat().st_mode & 0o777 for path in [tmp_path / "journal", *(tmp_path / "journal").iterdir()]
    ]
    assert modes == [0o700, 0o600]


def test_an_open_segment_reads_up_to_its_last_line(tmp_path: Path) -> None:
    """After kill -9 the file still has the room that was taken for it."""
    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.write(settlement_line(SETTLED))

    assert [path.stat().st_size for path in (tmp_path / "journal").iterdir()] == [SEGMENT_BYTES]
    assert list(Journal(tmp_path / "journal").read()) == [SETTLED]


def test_a_closed_segment_has_no_room_left_over(tmp_path: Path) -> None:
    """What was taken and not used is given back."""
    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.write(settlement_line(SETTLED))
    journal.close()

    assert [path.read_bytes() for path in (tmp_path / "journal").iterdir()] == [settlement_line(SETTLED)]


@pytest.mark.parametrize("segment_bytes", [1, 7, 100, 4096])
def test_a_segment_grows_with_what_is_written(tmp_path: Path, segment_bytes: int) -> None:
    """Lines across every border come back whole."""
    journal = Journal(tmp_path / "journal", segment_bytes)
    journal.open()
    written = [SETTLED._replace(request_id=f"req_{number}") for number in range(200)]
    for settlement in written:
        journal.write(settlement_line(settlement))

    assert list(Journal(tmp_path / "journal").read()) == written


@pytest.mark.parametrize("reason", [errno.EOPNOTSUPP, errno.EINVAL, None])
def test_a_disk_that_cannot_allocate_is_written_with_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int | None
) -> None:
    """Some file systems, and macOS, know no allocation: the room is taken all the same."""

    def unknown(*_: int) -> None:
        assert reason is not None
        raise OSError(reason, os.strerror(reason))

    if reason is None:
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", unknown)
    journal = Journal(tmp_path / "journal", segment_bytes=100)
    journal.open()
    journal.write(admission_line(RESERVED))
    journal.write(settlement_line(SETTLED))

    (path,) = (tmp_path / "journal").iterdir()
    assert path.stat().st_blocks > 0
    assert list(Journal(tmp_path / "journal").read()) == [RESERVED, SETTLED]


def test_a_segment_that_has_no_room_to_begin_leaves_the_former_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turning fails on a full disk without losing what is open, or leaving an empty file."""

    def no_room(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal = Journal(tmp_path / "journal")
    journal.open()
    with monkeypatch.context() as full:
        full.setattr(os, "posix_fallocate", no_room)
        with pytest.raises(OSError, match="No space left"):
            journal.turn(admission_line(RESERVED))
    journal.write(settlement_line(SETTLED))

    assert len(list((tmp_path / "journal").iterdir())) == 1
    assert list(Journal(tmp_path / "journal").read()) == [SETTLED]


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    """As an error of the disk, which its callers know what to do about."""
    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.close()

    with pytest.raises(OSError, match="closed"):
        journal.write(settlement_line(SETTLED))


def test_a_disk_that_takes_no_room_back_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new segment is in use, whatever becomes of the former one's spare room."""

    def broken(*_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal = Journal(tmp_path / "journal")
    journal.open()
    monkeypatch.setattr(os, "ftruncate", broken)
    journal.turn(admission_line(RESERVED))
    journal.write(settlement_line(SETTLED))
    journal.close()

    assert list(Journal(tmp_path / "journal").read()) == [RESERVED, SETTLED]


@pytest.mark.parametrize(
    "content", [b"[]", b"{}", b"7", b'["x",1]', b'["r",1]', b'["s",1,2]', b"[" * 100_000]
)
def test_a_whole_line_that_is_no_entry_is_refused(content: bytes) -> None:
    """Its checksum says that it arrived, and not that a gateway wrote it."""
    line = b"%08x %b" % (zlib.crc32(content + b"\n"), content)

    with pytest.raises(ValueError, match="no entry of the journal"):
        parsed_line(line)


@pytest.mark.parametrize("field", ["request_id", "key_id", "lineage_id", "team", "model"])
@pytest.mark.parametrize("value", [7, [], "\ud800"])
def test_a_name_that_is_no_text_cannot_be_booked(field: str, value: Any) -> None:
    """Another type, or half a character."""
    assert fault_of(RESERVED._replace(**{field: value})) == "a name in it is no text"


def test_a_line_of_which_the_disk_takes_a_part_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of it would be read as damage: what was begun is taken back, and the next line follows."""
    write = os.pwrite

    def takes_five_bytes(descriptor: int, line: bytes, at: int) -> int:
        return write(descriptor, line[:5], at)

    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.write(admission_line(RESERVED))
    with monkeypatch.context() as nearly_full:
        nearly_full.setattr(os, "pwrite", takes_five_bytes)
        with pytest.raises(OSError, match="No space left"):
            journal.write(settlement_line(SETTLED._replace(cost_micro_usd=1)))
    journal.write(settlement_line(SETTLED))

    assert list(Journal(tmp_path / "journal").read()) == [RESERVED, SETTLED]


def test_a_disk_that_is_broken_is_not_asked_for_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a full one is."""
    asked = []

    def broken(_descriptor: int, _start: int, count: int) -> None:
        asked.append(count)
        raise OSError(errno.EIO, "Input/output error")

    journal = Journal(tmp_path / "journal", 4096)
    journal.open()
    monkeypatch.setattr(os, "posix_fallocate", broken)
    with pytest.raises(OSError, match="Input/output"):
        journal.write(admission_line(RESERVED._replace(model="m" * 10_000)))

    assert len(asked) == 1


@pytest.mark.parametrize("outcome", ["lost", "", 1, None, ["settled"], {}])
def test_an_outcome_that_nobody_writes_cannot_be_booked(outcome: Any) -> None:
    """It is a fault of the line, whatever it is: the next start goes on with the others."""
    assert fault_of(SETTLED._replace(outcome=outcome)) in {
        "its outcome is unknown",
        "a name in it is no text",
    }
