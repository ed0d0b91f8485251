"""Tables at terminals of any width, and on a pipe."""

import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from pulumi_groq.cli import tables

ID = "key_01000000000000000000000001"
ROWS = (
    (ID, "chatbot-prod", "disabled", "250,000 (default)"),
    (ID, "[red]\u115fb", "active", "1,000"),
)
HEADINGS = ("ID", "Name", "Status", "TPM")


def wide(rows: Sequence[Sequence[str]] = ROWS) -> Table:
    table = tables.new_table(*HEADINGS, whole=("ID", "Status"), right=("TPM",))
    for row in rows:
        table.add_row(*map(tables.cell, row))
    return table


def narrow() -> Table:
    table = tables.new_table("Key", "TPM", whole=("Key",), right=("TPM",))
    for each in ROWS:
        table.add_row(tables.cell(f"{each[1]}\n{each[0]}"), tables.cell(each[3]))
    return table


@pytest.mark.parametrize(
    ("columns", "first_line"),
    [
        (200, "ID Name Status TPM"),
        (82, "ID Name Status TPM"),
        (79, "Key TPM"),
        (54, "Key TPM"),
        (53, f"ID {ID}"),
        (40, f"ID {ID}"),
    ],
)
def test_nothing_is_cut_off(
    columns: int, first_line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every word is there, in the widest layout that the terminal can hold, and no line is longer than it."""
    monkeypatch.setattr(tables, "_NO_WIDTH", columns)
    tables.print_table(wide, narrow)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert " ".join(lines[0].split()) == first_line
    assert max(map(len, lines)) <= columns
    words = {word for line in lines for word in line.split()}
    assert {ID, "chatbot-prod", "250,000", r"[red]\u115fb"} <= words


@given(
    st.lists(st.tuples(st.just(ID), st.text(), st.sampled_from(["active", ""]), st.text("0123456789,"))),
    st.sampled_from(["utf-8", "ascii"]),
)
def test_what_fits_looks_as_rich_has_it(rows: list[tuple[str, ...]], encoding: str) -> None:
    """Which takes 9 s for 10,000 keys."""
    shown = []
    for way in (tables._print, Console.print):
        file = io.TextIOWrapper(io.BytesIO(), encoding, errors="replace", newline="\n")
        way(Console(file=file, width=100_000, highlight=False), wide(rows))
        file.seek(0)
        shown.append(file.read())
    assert shown[0] == shown[1]


def test_a_row_stays_on_its_line_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """However long its names are."""
    tables.print_table(lambda: wide([(ID, "n" * 128, "active", "1")]), narrow)
    shown = capsys.readouterr().out
    assert re.search(rf"{ID} +n{{128}} +active +1", shown)


def test_markdown_folds_long_words_of_its_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model's id that is cut off names none."""
    monkeypatch.setattr(tables, "_NO_WIDTH", 40)
    tables.print_markdown("| a | b | c |\n| --- | --- | --- |\n| lists openai/gpt-oss-120b | why | what |\n")
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 40


def test_a_table_that_goes_on_has_no_heading_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """As the further changes of `audit --follow`."""
    table = wide()
    table.show_header = False
    tables.print_table(lambda: table)
    shown = capsys.readouterr().out
    assert ("Status" in shown, ID in shown) == (False, True)
