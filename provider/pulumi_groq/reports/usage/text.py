"""A usage report as lines of text for a terminal or a pipe.

Laid out here and not by rich, whose table of 5,000 keys took 2.6 s of CPU (10 columns, 2 cores, rich 15.0).
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

from pulumi_groq.reports.usage.cells import Column, columns, summary
from pulumi_groq.reports.usage.report import UsageReport

_GAP: Final = "  "
_LEAST_WIDTH: Final = 10


def usage_text(report: UsageReport, width: int | None) -> str:
    """The report's sentences and its table. Rows wider than `width` columns get their names shortened."""
    shown = columns(report)
    lines = [[column.heading for column in shown]]
    lines += [[column.cell(row) for column in shown] for row in report.rows]
    if len(report.rows) > 1:
        lines.append([column.total(report.total) for column in shown])
    widths = [max(map(_columns_of, cells)) for cells in zip(*lines, strict=True)]
    if width is not None:
        widths = _fitting(widths, shown, width)
    written = [_line(cells, shown, widths) for cells in lines]
    rule = "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    written.insert(1, rule)
    if len(report.rows) > 1:
        written.insert(-1, rule)
    return "\n".join([*summary(report), "", *written]) + "\n"


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
    """How many columns of a terminal the text takes: wide letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(map(_width_of, text))


def _width_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
