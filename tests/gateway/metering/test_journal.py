"""The journal: whole lines come back, cut ones do not, finished segments go."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.metering.entries import (
    Reservation,
    Settlement,
    parsed_line,
    reservation_line,
    settlement_line,
)
from pulumi_groq.gateway.metering.journal import Journal

RESERVED = Reservation("req_1", "key_1", "key_1", None, "m", 10, 1.5)
SETTLED = Settlement("req_1", "settled", 200, 1, 0, 2, 7, 2.5)


@given(
    st.builds(
        Reservation,
        *(st.text() for _ in range(3)),
        st.none() | st.text(),
        st.text(),
        st.integers(0),
        st.floats(0, 1e10),
    )
)
def test_any_reservation_reads_back(reservation: Reservation) -> None:
    """Whatever the names hold, a line is one line and reads back the same."""
    try:
        line = reservation_line(reservation)
    except UnicodeEncodeError:
        return  # lone surrogates cannot be in a name: no JSON body with them is taken

    assert line.count(b"\n") == 1
    assert parsed_line(line) == reservation


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    """What was written before is read first, over segments and restarts."""
    first = Journal(tmp_path / "journal")
    first.open()
    first.write(reservation_line(RESERVED))
    first.close()
    second = Journal(tmp_path / "journal")
    second.open()
    second.write(settlement_line(SETTLED))
    second.close()

    assert list(Journal(tmp_path / "journal").read()) == [RESERVED, SETTLED]


@pytest.mark.parametrize("kept_bytes", range(0, len(settlement_line(SETTLED)) - 1, 3))
def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path: Path, kept_bytes: int) -> None:
    """The whole lines before it still count."""
    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.write(reservation_line(RESERVED))
    journal.write(settlement_line(SETTLED)[:kept_bytes])
    journal.close()

    assert list(Journal(tmp_path / "journal").read()) == [RESERVED]


@pytest.mark.parametrize(
    "damaged", [b"\xff\xfe\n", b"{}\n", b"5\n", b'["r"]\n', b'["s",1]\n', b"null\n", b"[]\n"]
)
def test_damage_is_left_out(tmp_path: Path, damaged: bytes) -> None:
    """Lines that are no entries do not stop the start."""
    journal = Journal(tmp_path / "journal")
    journal.open()
    journal.write(damaged)
    journal.write(settlement_line(SETTLED))
    journal.close()

    assert list(Journal(tmp_path / "journal").read()) == [SETTLED]


def test_turning_carries_over_what_is_open(tmp_path: Path) -> None:
    """Dropping finished segments loses no reservation of a request in flight."""
    journal = Journal(tmp_path / "journal", segment_bytes=10)
    journal.open()
    journal.write(settlement_line(SETTLED))
    assert journal.is_full
    journal.drop(journal.turn(reservation_line(RESERVED)))
    journal.close()

    assert list(Journal(tmp_path / "journal").read()) == [RESERVED]


def test_what_is_carried_over_does_not_fill_a_segment(tmp_path: Path) -> None:
    """Many open requests must not make the journal turn again and again."""
    journal = Journal(tmp_path / "journal", segment_bytes=10)
    journal.open()
    journal.turn(reservation_line(RESERVED) * 100)
    assert not journal.is_full
    journal.write(reservation_line(RESERVED))
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
