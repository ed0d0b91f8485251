"""Every shell command of every page is held to something; here those that need no other tool.

`python tests/support/page_commands.py` lists all, and how each is held.
"""

import re
import shlex
import signal
import tomllib
from collections.abc import Callable

import click
import pytest

from page_commands import HELD, ROOT, page_commands, untold_fences
from pulumi_groq.cli.main import commands

COMMANDS = page_commands()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_fence_says_its_language() -> None:
    """Else nobody knows what in it is a command: `console`, `sh`, `text` or a language."""
    assert untold_fences() == []


def test_every_command_is_held() -> None:
    """By a rule that says how, in a module that is there: teach page_commands.HELD a new tool."""
    assert len(COMMANDS) > 200
    assert [
        f"{command}: nothing holds {command.tool}" for command in COMMANDS if command.tool not in HELD
    ] == []


@pytest.mark.parametrize("tool", HELD)
def test_no_rule_is_for_nothing(tool: str) -> None:
    """Each tool is named by a page, and its module tests it by name."""
    assert [command for command in COMMANDS if command.tool == tool]
    _, where = HELD[tool]
    assert f'"{tool}"' in (ROOT / where).read_text(encoding="utf-8")


def pulumi_groq(words: tuple[str, ...]) -> list[str]:
    """What the command line would not know of these words."""
    command: click.Command = commands
    rest = list(words[1:])
    while isinstance(command, click.Group):
        if command.invoke_without_command and (not rest or rest[0].startswith("-")):
            break
        if not rest or rest[0].startswith("-"):
            return []  # only the group is named
        name = rest.pop(0)
        if name not in command.commands:
            return [f"there is no command {name!r}"]
        command = command.commands[name]
    try:
        command.make_parser(click.Context(command)).parse_args(rest)
    except click.UsageError as error:
        return [error.format_message()]
    return []


def make(words: tuple[str, ...]) -> list[str]:
    """Whether it is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    return [] if words[1] in targets else [f"no target {words[1]}"]


def pip(words: tuple[str, ...]) -> list[str]:
    """This package with extras that it has, or a folder that is there."""
    _, command, *what = words
    known = {f"[{extra}]" for extra in PROJECT["optional-dependencies"]} | {""}
    wrong = [] if command == "install" else [f"pip {command}"]
    for each in what:
        name, bracket, extras = each.partition("[")
        there = name == PROJECT["name"] or (
            name.startswith(".") and (ROOT / name / "pyproject.toml").is_file()
        )
        if not there or bracket + extras not in known:
            wrong.append(each)
    return wrong


def python(words: tuple[str, ...]) -> list[str]:
    """The script is there and knows each option."""
    script = ROOT / words[1]
    if not script.is_file():
        return [f"no {words[1]}"]
    known = script.read_text(encoding="utf-8")
    options = [word for word in words[2:] if word.startswith("--") and word != "--help"]
    return [option for option in options if f'"{option}"' not in known]


def export(words: tuple[str, ...]) -> list[str]:
    """The code or a file below deploy/ reads each name."""
    sources = [*(ROOT / "provider").rglob("*.py"), ROOT / "deploy" / "compose.yaml"]
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    return [word for word in words[1:] if not re.search(rf"\b{word.partition('=')[0]}\b", text)]


def kill(words: tuple[str, ...]) -> list[str]:
    """A signal that there is."""
    return [] if int(words[1].removeprefix("-")) in set(signal.valid_signals()) else [words[1]]


def files_of_deploy(words: tuple[str, ...]) -> list[str]:
    """What lies in the checkout is there."""
    return [word for word in words[1:] if word.startswith("deploy/") and not (ROOT / word).is_file()]


def systemctl(words: tuple[str, ...]) -> list[str]:
    """The unit of deploy/systemd, and what is done with it."""
    known = (
        {"enable", "edit"}
        | {"--now"}
        | {unit.stem for unit in (ROOT / "deploy" / "systemd").glob("*.service")}
    )
    return [word for word in words[1:] if word not in known]


def npm(words: tuple[str, ...]) -> list[str]:
    """A script of the generated package."""
    scripts = (ROOT / "sdk" / "nodejs" / "package.json").read_text(encoding="utf-8")
    return [] if words[1:] == ("install",) or f'"{words[-1]}":' in scripts else [words[-1]]


JUDGES: dict[str, Callable[[tuple[str, ...]], list[str]]] = {
    "pulumi-groq": pulumi_groq,
    "make": make,
    "pip": pip,
    "python": python,
    "python3": lambda words: [] if words[1:3] == ("-m", "venv") else list(words),
    "export": export,
    "kill": kill,
    "install": files_of_deploy,
    "systemctl": systemctl,
    "npm": npm,
    "go": lambda words: [] if words[1:3] in {("mod", "edit"), ("mod", "tidy")} else list(words),
    "uv": lambda words: [] if words[1] == "run" and words[2] in HELD else list(words),
}


@pytest.mark.parametrize("tool", JUDGES)
def test_commands_are_ones_that_exist(tool: str) -> None:
    """Subcommand, options and files of each."""
    shown = [command for command in COMMANDS if command.tool == tool]
    assert [f"{command}: {wrong}" for command in shown for wrong in JUDGES[tool](command.words)] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "pulumi-groq serve --no-such-option",
        "pulumi-groq serve --port",
        "pulumi-groq dance",
        "make dance",
        "pip install 'pulumi-groq[dance]'",
        "pip install ./nowhere",
        "python benchmarks/dance.py",
        "python benchmarks/metering.py --dance",
        "export GROQ_DANCE=1",
        "kill -99",
        "install -D deploy/nowhere /etc",
        "systemctl enable dance",
        "npm run dance",
        "go dance",
        "uv run dance",
    ],
)
def test_a_wrong_command_is_found(wrong: str) -> None:
    """Each judge has something to say against what is not there."""
    words = tuple(shlex.split(wrong))
    assert JUDGES[words[0]](words)
