"""What a process that a test has started says, waited for with an end."""

import os
import re
import select
import time
from typing import IO, Final

DEADLINE_S: Final = 60.0


def wait_for(pattern: str, stdout: IO[str] | None, deadline_s: float = DEADLINE_S) -> re.Match[str]:
    """What `pattern` finds first in what comes out of the pipe `stdout`, which nobody else reads meanwhile.

    Raises `AssertionError` with all that was said when that ends without it, or when the time is over.
    """
    if stdout is None:
        raise AssertionError("stdout is no pipe")
    said = b""
    deadline = time.monotonic() + deadline_s
    while True:
        text = said.decode(errors="replace")
        # A line is judged once it is whole.
        if found := re.search(pattern, text[: text.rfind("\n") + 1]):
            return found
        if not select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"no {pattern!r} within {deadline_s:g} s: {text}")
        more = os.read(stdout.fileno(), 1 << 16)
        if not more:
            raise AssertionError(f"it ended without {pattern!r}: {text}")
        said += more
