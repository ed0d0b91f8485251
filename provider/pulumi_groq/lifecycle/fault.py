"""What nobody expected, told without what it says: an exception's text may hold a value."""

import traceback
from pathlib import PurePath
from typing import Final

_PACKAGE: Final = "pulumi_groq"


def fault_in_words(error: Exception) -> str:
    """The type of `error` and the last place in this package that it passed, on one line."""
    # Not `extract_tb`, which heeds `sys.tracebacklimit`: dynamic providers set it to 0.
    passed = [
        f" in {path.name}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _PACKAGE in (path := PurePath(frame.f_code.co_filename)).parts
    ]
    return f"pulumi-groq failed: {type(error).__name__}{''.join(passed[-1:])}"
