"""Markdown of bounded length: GitHub refuses comments of more than 65,536 characters."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

LONGEST_COMMENT: Final = 60_000

Item = TypeVar("Item")


class Document:
    """Lines of Markdown that never grow beyond `longest` characters in all."""

    def __init__(self, longest: int = LONGEST_COMMENT) -> None:
        self._lines: list[str] = []
        self._left = longest

    def add(self, *lines: str) -> bool:
        """Add all of the lines, or none of them if they no longer fit."""
        size = sum(len(line) + 1 for line in lines)
        if size > self._left:
            return False
        self._left -= size
        self._lines.extend(lines)
        return True

    def add_each(
        self, items: Sequence[Item], block: Callable[[Item], Sequence[str]], noun: str, reserve: int = 400
    ) -> None:
        """Add the block of each item up to the first that does not fit; then say how many were left out."""
        self._left -= reserve
        shown = 0
        while shown < len(items) and self.add(*block(items[shown])):
            shown += 1
        self._left += reserve
        if shown < len(items):
            self.add("", f"… and {len(items) - shown:,} more {noun}: see `--output json`.")

    def text(self) -> str:
        """The whole document."""
        return "\n".join(self._lines) + "\n"


def row(*cells: str) -> str:
    """A row of a table; cells are Markdown without line breaks or bare bars."""
    return f"| {' | '.join(cells)} |"
