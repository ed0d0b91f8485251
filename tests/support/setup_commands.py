"""What the tests of the set-up are given."""

import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a command in the checkout with the bare PATH and a network that answers nothing."""

StandIn = Callable[[str, str], Path]
"""Puts a shell script on the bare PATH under the name of a tool."""
