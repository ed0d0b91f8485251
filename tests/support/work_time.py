"""How long work takes, told apart from what else the process and the machine are doing."""

import gc
import time
from collections.abc import Callable
from typing import Final, NamedTuple

RUNS: Final = 5


class WorkTime(NamedTuple):
    """The quickest of some runs of much work, and how many times as long as that of little it was."""

    much_s: float
    times_little: float


def work_time(much: Callable[[], object], little: Callable[[], object]) -> WorkTime:
    """Processor time without the garbage collector's share, by turns: what slows the machine for a while
    slows both.
    """
    took_s: tuple[list[float], list[float]] = [], []
    gc.collect()
    gc.disable()
    try:
        for _ in range(RUNS):
            for work, took in zip((much, little), took_s, strict=True):
                began = time.process_time()
                work()
                took.append(time.process_time() - began)
    finally:
        gc.enable()
    much_s, little_s = map(min, took_s)
    return WorkTime(much_s, much_s / little_s)
