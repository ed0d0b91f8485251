"""The commands of the Makefile are listed."""

import re
import subprocess
from pathlib import Path

MAKEFILE = Path(__file__).parents[2] / "Makefile"
INNER = {"environment"}


def test_make_alone_lists_every_command() -> None:
    """`make` without a target lists each command with what it does."""
    targets = re.findall(r"^\.PHONY: (.*)$", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)[0].split()
    shown = subprocess.run(
        ["make", "-f", MAKEFILE], cwd=MAKEFILE.parent, capture_output=True, text=True, check=True
    )
    listed = dict(re.findall(r"^  make ([\w-]+) +(\S.*)$", shown.stdout, re.MULTILINE))
    assert set(listed) == set(targets) - INNER
