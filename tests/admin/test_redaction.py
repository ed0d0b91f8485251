"""Foreign text before it enters a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.admin.settings import Redaction

KEY = "adm-0123456789"
GATEWAY_KEY = "pgq_" + "a1B2" * 12


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\nlines\r\n\tand a tab", "two lines and a tab"),
        ("bell\x07 and escape\x1b[31m", "bell and escape [31m"),
        ("right-to-left \u202e override", "right-to-left override"),
        (f"Bearer {KEY} refused", "Bearer [key] refused"),
        (f"{KEY}{KEY}", "[key][key]"),
        (f"key {GATEWAY_KEY}.", "key [key]."),
        ("", ""),
    ],
)
def test_text_becomes_one_line_without_keys(text: str, expected: str) -> None:
    """Line breaks and control characters become spaces, keys become a mask."""
    assert expected == Redaction(KEY).line(text)


def test_long_text_is_cut() -> None:
    """A message stays readable whatever a server sends."""
    assert Redaction(KEY).line("x" * 50, longest=10) == "xxxxxxxxx…"


@given(before=st.text(max_size=40), after=st.text(max_size=400), longest=st.integers(1, 80))
def test_no_cut_lets_a_key_through(before: str, after: str, longest: int) -> None:
    """Wherever a key stands and wherever the text is cut, the line is bounded and holds no key."""
    line = Redaction(KEY).line(f"{before}{KEY} {GATEWAY_KEY}{after}", longest)
    assert len(line) <= longest
    assert KEY not in line
    assert GATEWAY_KEY not in line
