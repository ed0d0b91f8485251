"""Runs the pulumi CLI on this machine for a document that nobody has saved to a file."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from pulumi_groq.cli.progress import waiting
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.reports.escaping import visible

STDIN: Final = "-"
_ADVICE: Final = {
    "PULUMI_ACCESS_TOKEN must be set": "; or run `pulumi login` with the address of your state",
    "no stack selected": ": name one with --stack",
}
_STREAMING: Final = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"  # would give events, not one document


def read_document(source: str) -> str:
    """The text of the file `source`, or of stdin if that is `-`: UTF-8, whatever the locale, which editors
    and shells may begin with a byte order mark. Raises UnusableSettingError.
    """
    try:
        content = sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is not UTF-8 text"
        raise UnusableSettingError(f"{named(source, '')}: cannot be read: {reason}") from None


def named(source: str | None, otherwise: str) -> str:
    """What errors call a document: by its file, as stdin, or as `otherwise` where it is made here."""
    return "stdin" if source == STDIN else source or otherwise


def run_pulumi(arguments: Sequence[str], *, stack: str | None, folder: Path, what: str) -> str:
    """What `pulumi ARGUMENTS` writes to stdout, run in `folder`.

    A run that failed and wrote nothing raises ClickException with its last line; one that wrote its
    document is used, since a failing preview says why in it.
    """
    command = ["pulumi", *arguments, "--non-interactive", *(["--stack", stack] if stack else [])]
    environment = {name: value for name, value in os.environ.items() if name != _STREAMING}
    with waiting(what):
        if not folder.is_dir():
            raise UnusableSettingError(f"--cwd: {folder} is not a folder")
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise UnusableSettingError(
                "pulumi is not on PATH: install it, or give a file that it wrote"
            ) from None
    if done.returncode and not done.stdout.strip().startswith("{"):
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        why = visible(said[-1].removeprefix("error: ")) if said else f"exit code {done.returncode}"
        why += next((advice for words, advice in _ADVICE.items() if words in why), "")
        raise click.ClickException(f"`pulumi {' '.join(arguments)}` failed: {why}")
    return done.stdout
