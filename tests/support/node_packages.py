"""Packages from npm for tests that compile something, and the compiler."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def installed_packages(manifest: Path) -> Path:
    """The `node_modules` with what `manifest` pins; installs it where it is not there yet."""
    install = [sys.executable, str(ROOT / "setup" / "node_packages.py"), str(manifest)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip(), "node_modules")
