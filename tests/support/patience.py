"""Waits for what other threads and processes do and tell nobody: with an end that says what did not come."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE_S: Final = 60.0
ROUND_S: Final = 0.01

Found = TypeVar("Found")


def until(
    look: Callable[[], Found],
    what: str,
    *,
    seen: Callable[[], object] = lambda: "",
    patience_s: float = PATIENCE_S,
) -> Found:
    """What `look` gives once that is true.

    Raises `AssertionError` with `what` was waited for, and what is `seen` instead, when the time is over.
    """
    deadline = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {patience_s:g} s in vain until {what}: {seen()}"
        time.sleep(ROUND_S)
    return found
