"""`--help` of every command, as a terminal of 80 columns shows it."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from pulumi_groq.cli.main import commands

COLUMNS = 80


def below(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from below(each, (*words, name))


@pytest.mark.parametrize("words", [*below(commands, ())], ids=lambda words: " ".join(words) or "pulumi-groq")
def test_it_fits(words: tuple[str, ...]) -> None:
    """No line is longer, and no summary is cut off; what the exit codes mean stands below."""
    shown = CliRunner().invoke(
        commands, [*words, "--help"], env={"COLUMNS": str(COLUMNS)}, prog_name="pulumi-groq"
    )
    lines = shown.output.splitlines()
    assert shown.exit_code == 0
    assert [line for line in lines if len(line) > COLUMNS] == []
    assert [line for line in lines[1:] if line.endswith("...")] == []
