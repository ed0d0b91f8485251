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


def exit_codes_of(*words: str) -> str:
    shown = CliRunner().invoke(commands, [*words, "--help"], env={"COLUMNS": str(COLUMNS)})
    return " ".join(shown.output.partition("Exit codes:")[2].split())


def test_every_exit_code_is_among_the_exit_codes() -> None:
    """Also that of what a command looks for, and what Ctrl-C is where a command runs until then."""
    for words in (("audit", "verify"), ("validate",), ("review",), ("rotation", "status")):
        assert ", 3 " in exit_codes_of(*words)
    for words, said in (
        (("audit",), "until Ctrl-C, which is exit code 0"),
        (("usage",), "Ctrl-C ends --watch with exit code 0"),
        (("serve",), "0 stopped by SIGTERM, SIGINT or SIGHUP"),
    ):
        shown = CliRunner().invoke(commands, [*words, "--help"]).output
        assert said in " ".join(shown.split())
