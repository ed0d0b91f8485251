"""A process and all that it has started, wherever that has put itself."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

END_DEADLINE_S: Final = 30.0


def descendants(pid: int) -> Iterator[int]:
    """What `pid` has started and what that has, as long as each one's parent lives."""
    with suppress(OSError):  # one that ends meanwhile has none
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield int(child)
                yield from descendants(int(child))


def kill_tree(process: "subprocess.Popen[str]") -> None:
    """kill -9 for all of it: the engine's plugins are in process groups of their own, and would outlive it.

    Nothing where it has ended.
    """
    if process.poll() is not None:
        return
    for pid in [process.pid, *descendants(process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def ended(process: "subprocess.Popen[str]", within_s: float) -> str:
    """What the process said until its end; all of it is killed when the time is over, and the test fails."""
    try:
        return process.communicate(timeout=within_s)[0]
    except BaseException as error:
        kill_tree(process)
        said = process.communicate(timeout=END_DEADLINE_S)[0]
        if isinstance(error, subprocess.TimeoutExpired):
            raise AssertionError(f"{process.args!r} went on after {within_s:g} s: {said}") from None
        raise
