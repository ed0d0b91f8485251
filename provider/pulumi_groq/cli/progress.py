"""What takes long shows that it goes on, to a person at a terminal; a pipe and a log get nothing of it."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

ItemT = TypeVar("ItemT")


def progress() -> AbstractContextManager[Progress]:
    """A bar on stderr, for work whose end is known, or a spinner for a task without a total."""
    return _on_a_terminal(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )


def copying() -> AbstractContextManager[Progress]:
    """A bar for each step of a copy, with the field `table`, and how long it will take."""
    return _on_a_terminal(
        TextColumn("{task.description:9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[table]}"),
    )


class Reading:
    """Counts what is read."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def counted(self, what: str, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """`items`, counted as they come."""
        task = self._shown.add_task(what, total=None)
        for item in items:
            self._shown.advance(task)
            yield item
        self._shown.remove_task(task)


@contextmanager
def reading() -> Iterator[Reading]:
    """Shows how much has been read, of something whose end is not known."""
    text = TextColumn("{task.completed:,.0f} {task.description} read", markup=False)
    with _on_a_terminal(SpinnerColumn(), text) as shown:
        yield Reading(shown)


def _on_a_terminal(*columns: ProgressColumn) -> Progress:
    """Gone at the end."""
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
