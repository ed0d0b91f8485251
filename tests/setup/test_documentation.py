"""What the documentation says of options and fields is what the code says."""

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def _documentation(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "setup" / "documentation.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_pages_are_up_to_date() -> None:
    """The options of every command and the tables of fields stand in docs/ as `make docs` writes them."""
    checked = _documentation("--check")
    assert (checked.stderr, checked.returncode) == ("", 0)


def test_a_page_that_differs_is_named_and_written_anew(tmp_path: Path) -> None:
    """A check writes nothing and says which pages are out of date; a run puts them right, and those alone."""
    docs = tmp_path / "docs"
    shutil.copytree(REPOSITORY / "docs", docs)
    (docs / "commands.md").unlink()
    rotation = docs / "rotation.md"
    whole = rotation.read_text("utf-8")
    rotation.write_text(whole.replace("| `every_days` |", "| `every_week` |"), encoding="utf-8")

    checked = _documentation("--check", str(docs))
    assert checked.returncode == 1
    assert checked.stderr.splitlines() == [
        "commands.md differs from the code: make docs",
        "rotation.md differs from the code: make docs",
    ]
    assert not (docs / "commands.md").exists()

    assert _documentation(str(docs)).returncode == 0
    assert rotation.read_text("utf-8") == whole
    assert (docs / "commands.md").read_bytes() == (REPOSITORY / "docs" / "commands.md").read_bytes()
