"""Tables for people: nothing in a cell is markup, and nothing is cut off, however few columns there are."""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import ClassVar, Final

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, MarkdownElement, TableElement
from rich.table import Column, Table
from rich.text import Text

from pulumi_groq.reports.escaping import visible

_NO_WIDTH: Final = 100_000
_FOLDED: Final = 16
"""A column that folds its cells is still read easily at this width."""


def new_table(*headings: str, whole: tuple[str, ...] = (), right: tuple[str, ...] = ()) -> Table:
    """A table of these columns: cells of the `whole` ones are never folded, the `right` ones are numbers."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        is_number = heading in right
        table.add_column(
            heading,
            justify="right" if is_number else "left",
            no_wrap=is_number or heading in whole,
            overflow="fold",
        )
    return table


def cell(text: str, style: str = "") -> Text:
    """`text` as it is, in its lines: no markup, and what nobody would see written as escapes."""
    return Text("\n".join(visible(line, len(line)) for line in text.split("\n")), style=style)


def print_table(*layouts: Callable[[], Table]) -> None:
    """The first of `layouts` for whose columns the terminal is wide enough, else each cell of the first below
    the others of its row. A pipe has no width of its own: a row stays on its line there.
    """
    console = _console()
    for layout in layouts:
        table = layout()
        if _least_width(table) <= console.width:
            _print(console, table)
            return
    console.print(_stacked(layouts[0]()))


def print_text(text: str) -> None:
    """`text` in the terminal's columns."""
    _console().print(Text(text))


class _FoldedTable(TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _FoldedMarkdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "table_open": _FoldedTable}


def print_markdown(text: str) -> None:
    """The Markdown `text` laid out for a person, with long words of its tables folded."""
    _console().print(_FoldedMarkdown(text))


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _NO_WIDTH, highlight=False)


def _print(console: Console, table: Table) -> None:
    """As `console.print`, which takes seconds for thousands of rows, also where nothing is to be folded."""
    widths = [2 + _natural_width(column) for column in table.columns]
    is_headed = table.box is box.SIMPLE_HEAD and table.show_header
    is_plain = is_headed and not any(map(_has_style, _cells(table)))
    if not is_plain or sum(widths) + len(widths) + 1 > console.width:
        console.print(table)
        return
    drawn = box.SIMPLE_HEAD.substitute(console.options)
    console.out(drawn.get_top(widths))
    head = [column.header for column in table.columns]
    beside = drawn.head_left, drawn.head_vertical, drawn.head_right
    console.out("\n".join(_row(table, head, widths, beside)), style="bold")
    console.out(drawn.get_row(widths, "head"))
    rows = zip(*(column.cells for column in table.columns), strict=True)
    beside = drawn.mid_left, drawn.mid_vertical, drawn.mid_right
    body = [line for row in rows for line in _row(table, row, widths, beside)]
    console.out("\n".join([*body, drawn.get_bottom(widths)]))


def _row(
    table: Table, cells: Sequence[object], widths: Sequence[int], beside: tuple[str, str, str]
) -> list[str]:
    """The lines of a row, with what is left of the cells, between them and right of them."""
    left, between, right = beside
    lines = zip_longest(*(str(each).split("\n") for each in cells), fillvalue="")
    return [f"{left}{between.join(map(_padded, line, table.columns, widths))}{right}" for line in lines]


def _padded(text: str, column: Column, width: int) -> str:
    blanks = " " * (width - 2 - cell_len(text))
    return f" {blanks}{text} " if column.justify == "right" else f" {text}{blanks} "


def _natural_width(column: Column) -> int:
    return max(column.min_width or 0, *map(_width, [column.header, *column.cells]))


def _cells(table: Table) -> Iterator[object]:
    return chain.from_iterable(column.cells for column in table.columns)


def _has_style(shown: object) -> bool:
    return isinstance(shown, Text) and bool(shown.style or shown.spans)


def _least_width(table: Table) -> int:
    return 1 + sum(3 + _least_width_of(column) for column in table.columns)


def _least_width_of(column: Column) -> int:
    widest = max(map(_width, [column.header, *column.cells]), default=0)
    return max(column.min_width or 0, widest if column.no_wrap else min(widest, _FOLDED))


def _width(shown: object) -> int:
    return max((cell_len(line) for line in str(shown).splitlines()), default=0)


def _stacked(table: Table) -> Table:
    stacked = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    stacked.add_column(style="bold")
    stacked.add_column(overflow="fold")
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for column, each in zip(table.columns, row, strict=True):
            if str(each):
                stacked.add_row(column.header, each)
        stacked.add_row()
    return stacked
