"""What a lifecycle tells the person at the terminal while the run goes on."""

from collections.abc import Callable

Notify = Callable[[str], None]
"""Shows one line: a warning or what is being done. It never holds a secret."""
