"""A run of pytest within a test, with one of the suite's own plugins."""

import os
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).parent


def run_pytest(folder: Path, tests: str, plugin: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Write `tests` into `folder` and run them under `plugin`; gives the exit code and what was printed."""
    (folder / "test_it.py").write_text(tests)
    plugins = ("-p", plugin, "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *plugins, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
    )
