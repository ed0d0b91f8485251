"""What nobody expected, told without what it says: an exception's text may hold a value."""

import traceback
from pathlib import PurePath
from typing import Final

_PACKAGE: Final = "pulumi_groq"


def fault_in_words(error: Exception) -> str:
    """The type of `error` and the last place in this package that it passed, on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    last = [frame for frame in frames if _PACKAGE in PurePath(frame.filename).parts][-1]
    return f"pulumi-groq failed: {type(error).__name__} in {PurePath(last.filename).name}:{last.lineno}"
