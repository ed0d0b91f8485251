"""What takes long shows that it goes on, to a person at a terminal; a pipe and a log get nothing of it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeVar

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
_DESCRIPTION: Final = TextColumn("{task.description}", markup=False)


def progress() -> AbstractContextManager[Progress]:
    """A bar on stderr, for work whose end is known."""
    return _on_a_terminal(
        SpinnerColumn(),
        _DESCRIPTION,
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A spinner on stderr, for what tells nothing until its end."""
    with _on_a_terminal(SpinnerColumn(), _DESCRIPTION, TimeElapsedColumn()) as shown:
        shown.add_task(what, total=None)
        yield


ToldStep = Callable[[str, int, int | None], None]
"""Told the step that work is at, how much of it is done, and of how much, where that is known."""


@contextmanager
def steps() -> Iterator[ToldStep]:
    """One step of the work at a time, with its share where that is known."""
    share = TextColumn("{task.fields[share]}")
    with _on_a_terminal(SpinnerColumn(), _DESCRIPTION, share, TimeElapsedColumn()) as shown:
        task = shown.add_task("starting", total=None, share="")

        def told(step: str, done: int, total: int | None) -> None:
            shown.update(task, description=step, share=f"{done / total:.0%}" if total else "")

        yield told


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

    def once(self, what: str, ask: Callable[[], ItemT]) -> ItemT:
        """What `ask` answers, shown while it is asked."""
        task = self._shown.add_task(what, total=None)
        answer = ask()
        self._shown.remove_task(task)
        return answer


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
