"""A usage report as lines of text for a terminal or a pipe.

Laid out here and not by rich, whose table of 5,000 keys took 2.6 s of CPU (10 columns, 2 cores, rich 15.0).
"""

import unicodedata
from collections.abc import Sequence, Set
from typing import Final

from pulumi_groq.reports.usage.cells import Column, columns, summary
from pulumi_groq.reports.usage.report import UsageReport

_GAP: Final = "  "
_LEAST_WIDTH: Final = 10


def usage_text(report: UsageReport, width: int | None) -> str:
    """The report's sentences and its table. Where `width` columns are too few for it, names are shortened and
    what is right-most is left out, and told.
    """
    shown = list(columns(report))
    lines = [[column.heading for column in shown]]
    lines += [[column.cell(row) for column in shown] for row in report.rows]
    if len(report.rows) > 1:
        lines.append([column.total(report.total) for column in shown])
    widths = [max(map(_columns_of, cells)) for cells in zip(*lines, strict=True)]
    left_out: list[str] = []
    if width is not None:
        empty = {index for index, cells in enumerate(zip(*lines, strict=True)) if not any(cells[1:])}
        kept = _kept(widths, shown, empty, width)
        left_out = [
            column.heading for index, column in enumerate(shown) if index not in kept and index not in empty
        ]
        shown, lines = [shown[index] for index in kept], [[cells[index] for index in kept] for cells in lines]
        widths = _fitting([widths[index] for index in kept], shown, width)
    written = [_line(cells, shown, widths) for cells in lines]
    rule = "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    written.insert(1, rule)
    if len(report.rows) > 1:
        written.insert(-1, rule)
    below = ["", f"Too narrow to show: {', '.join(left_out)}."] if left_out else []
    return "\n".join([*summary(report), "", *written, *below]) + "\n"


def _kept(widths: Sequence[int], shown: Sequence[Column], empty: Set[int], width: int) -> list[int]:
    """The columns that fit with their names shortened: all, or none that is empty, or fewer wide ones."""
    kept = list(range(len(shown)))
    if _least(widths, shown, kept) > width:
        kept = [index for index in kept if index not in empty]
    while _least(widths, shown, kept) > width:
        others = [index for index in kept[1:] if not shown[index].is_number or widths[index] > _LEAST_WIDTH]
        if not others:
            break
        kept.remove(others[-1])
    return kept


def _least(widths: Sequence[int], shown: Sequence[Column], kept: Sequence[int]) -> int:
    least = [widths[i] if shown[i].is_number else min(widths[i], _LEAST_WIDTH) for i in kept]
    return sum(least) + len(_GAP) * (len(least) - 1)


def _fitting(widths: Sequence[int], shown: Sequence[Column], width: int) -> list[int]:
    """Numbers keep their width; the widest texts give way first, down to a few characters."""
    fitting = list(widths)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    texts = [index for index, column in enumerate(shown) if not column.is_number]
    while excess > 0:
        widest = max(texts, key=lambda index: fitting[index])
        if fitting[widest] <= _LEAST_WIDTH:
            break
        fitting[widest] -= 1
        excess -= 1
    return fitting


def _line(cells: Sequence[str], shown: Sequence[Column], widths: Sequence[int]) -> str:
    written = []
    for cell, column, width in zip(cells, shown, widths, strict=True):
        text = _cut(cell, width)
        blanks = " " * (width - _columns_of(text))
        written.append(blanks + text if column.is_number else text + blanks)
    return _GAP.join(written).rstrip()


def _cut(text: str, width: int) -> str:
    if _columns_of(text) <= width:
        return text
    kept = text
    while _columns_of(kept) >= width:
        kept = kept[:-1]
    return f"{kept}…"


def _columns_of(text: str) -> int:
    """How many columns of a terminal the text takes: wide letters take two, marks on others none."""
    if text.isascii():
        return len(text)
    return sum(map(_width_of, text))


def _width_of(character: str) -> int:
    if unicodedata.category(character).startswith("M"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
