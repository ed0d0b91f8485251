"""Where things are in a checkout, and how the set-up talks."""

import os
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
LOCAL = ROOT / ".local"
VENV_BIN = ROOT / ".venv" / "bin"


def say(line: str) -> None:
    """One line of progress; results go to standard output, so that they can be piped."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def fail(line: str) -> NoReturn:
    """End with one line that says what is wrong and what to do."""
    sys.exit(f"setup: {line}")


def search_path(*folders: Path) -> str:
    """PATH with `folders` put first."""
    return os.pathsep.join([*(str(folder) for folder in folders), os.environ.get("PATH", os.defpath)])


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by its owner alone from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
