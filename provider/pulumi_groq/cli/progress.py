"""Progress of long reads on stderr: only where a person watches, and gone when it is done."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

ItemT = TypeVar("ItemT")


class Reading:
    """Counts what is read."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def counted(self, what: str, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """`items`, counted as they come."""
        task = self._progress.add_task(what, total=None)
        for item in items:
            self._progress.advance(task)
            yield item
        self._progress.remove_task(task)


@contextmanager
def reading() -> Iterator[Reading]:
    """Shows what is being read while the block runs."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} {task.description} read", markup=False),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with progress:
        yield Reading(progress)
