"""What becomes of a command's output where it cannot go: a full disk, a closed stream, a pipe that ends."""

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
HELP = [sys.executable, "-m", "pulumi_groq.cli", "--help"]
DEADLINE_S = 60


def run(command: list[str], redirected: str) -> subprocess.CompletedProcess[str]:
    line = " ".join(command)
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{line} {redirected}"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize("how", ["click", "rich"])
def test_a_full_disk_is_one_line(how: str, tmp_path: Path) -> None:
    """Whoever writes the text; Python has nothing to add at its end."""
    shown = "click.echo('shown')" if how == "click" else "Console().print('shown')"
    script = tmp_path / "command.py"
    script.write_text(
        "import click\n"
        "from rich.console import Console\n"
        "from pulumi_groq.cli.stopping import StoppableGroup\n"
        "group = StoppableGroup()\n"
        f"@group.command()\ndef show(): {shown}\n"
        "group()\n"
    )
    done = run([sys.executable, str(script), "show"], f"> {FULL}")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: cannot write the output: No space left on device\n",
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_a_closed_stream_is_no_failure(closed: str) -> None:
    """As if it were /dev/null, and nothing that the command opens comes to stand in its place."""
    done = run([sys.executable, "-m", "pulumi_groq.cli", "keys", "list"], closed)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_pipe_that_ends_early_is_no_traceback() -> None:
    """`head` has read enough."""
    done = run(HELP, "| head -n 1")
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_an_encoding_without_a_character_is_no_failure() -> None:
    """A review has signs and names that Latin-1 and the code pages of Windows lack."""
    preview = Path(__file__).parents[1] / "reports" / "golden" / "changed.preview.json"
    command = [sys.executable, "-m", "pulumi_groq.cli", "review", str(preview), "--offline"]
    done = run(["env", "PYTHONIOENCODING=latin-1", *command], "")
    assert (done.returncode, done.stderr) == (0, "")
    assert "| ? high |" in done.stdout
