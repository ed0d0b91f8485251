"""What a lifecycle tells the person at the terminal during a run."""

from collections.abc import Callable

Notify = Callable[[str], None]
"""Shows one line: a warning, or what is being done. The line never holds a secret."""
