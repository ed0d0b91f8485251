"""The shell commands that pages show, in fences and between backticks, as a shell would read them.

`python tests/support/page_commands.py` lists them, and how each is held.
"""

import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(
        page
        for folder in ("stacks", "benchmarks", "deploy", "examples")
        for page in (ROOT / folder).rglob("*.md")
    ),
]
SHELLS: Final = frozenset({"console", "sh"})
"""`console` shows commands behind a $ and what they print, `sh` commands alone."""
_SEPARATORS: Final = frozenset({"|", "||", "&", "&&", ";", "(", ")"})
_REDIRECTIONS: Final = frozenset({">", ">>", "<", "2>"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_SUBSTITUTION: Final = re.compile(r"\$\(([^()]*)\)")


_RUN: Final = "tests/pages/test_commands.py"
_JUDGED: Final = "tests/guards/test_commands_in_pages.py"
HELD: Final[Mapping[str, tuple[str, str]]] = {
    "pulumi-groq": ("its own command line takes the words", _JUDGED),
    "make": ("a target of the Makefile", _JUDGED),
    "python": ("the script is there, and knows the options", _JUDGED),
    "python3": ("Python takes them", _JUDGED),
    "pip": ("what is installed is this package with extras that it has, or a folder", _JUDGED),
    "export": ("settings that the code reads", _JUDGED),
    "uv": ("the command behind it is held itself", _JUDGED),
    "npm": ("a script of the package that the page is about", _JUDGED),
    "go": ("a command of `go mod`", _JUDGED),
    "kill": ("a signal", _JUDGED),
    "install": ("the file is there", _JUDGED),
    "systemctl": ("the unit is there", _JUDGED),
    "pulumi": ("run on the real engine", "tests/engine/test_pulumi_commands_of_pages.py"),
    "kubectl": ("taken by the real one", _RUN),
    "docker": ("taken by the real one, or its file by Compose's loader", _RUN),
    "helm": ("run by the real one", _RUN),
    "curl": ("run, against a gateway or what stands in for another server", _RUN),
    "jq": ("run with curl", _RUN),
    "vault": ("run by OpenBao's, against its server", _RUN),
}
"""First word of a command -> how it is held, and where."""


@dataclass(frozen=True)
class PageCommand:
    """One command without its assignments and redirections; `line` is what the page has."""

    page: str
    line: str
    words: tuple[str, ...]

    @property
    def tool(self) -> str:
        """What is run, wherever it lies."""
        return self.words[0].rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def shown_lines(text: str, language: str) -> Iterator[str]:
    """The command lines of a fence, those that go on joined."""
    prompt = "$ " if language == "console" else ""
    begun = ""
    for line in text.replace("\\\n", " ").splitlines():
        if begun:
            begun += f"\n{line}"  # a quotation that goes on
        elif line.startswith(prompt):
            begun = line.removeprefix(prompt)
        if _whole(begun):
            yield begun
            begun = ""


def _whole(line: str) -> bool:
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return True


def simple_commands(script: str) -> Iterator[tuple[str, ...]]:
    """Each simple command of a script, those within $( ) too."""
    for inner in _SUBSTITUTION.findall(script):
        yield from simple_commands(inner)
    reader = shlex.shlex(_SUBSTITUTION.sub("SUBSTITUTED", script), posix=True, punctuation_chars=";|&()<>")
    reader.whitespace_split = True
    words: list[str] = []
    redirected = False
    for word in reader:
        if word in _SEPARATORS:
            if words:
                yield tuple(words)
            words = []
        elif word in _REDIRECTIONS:
            redirected = True
        elif redirected:
            redirected = False
        elif words or not _ASSIGNMENT.match(word):
            words.append(word)
    if words:
        yield tuple(words)


def page_commands() -> list[PageCommand]:
    """All commands of the fences, and what stands between backticks and begins as one of `HELD`."""
    found = []
    for page in PAGES:
        name = str(page.relative_to(ROOT))
        for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
            if token.type == "fence" and token.info.strip() in SHELLS:
                lines = list(shown_lines(token.content, token.info.strip()))
            else:
                lines = [
                    child.content.partition("[")[0]  # what is in brackets may be left out
                    for child in token.children or ()
                    if child.type == "code_inline"
                    and child.content.partition(" ")[0] in HELD
                    and " " in child.content
                ]
            found += [
                PageCommand(name, line.strip(), words) for line in lines for words in simple_commands(line)
            ]
    return found


def untold_fences() -> list[str]:
    """Fences whose language is not said, as `page:line`."""
    return [
        f"{page.relative_to(ROOT)}:{token.map[0] + 1}"
        for page in PAGES
        for token in MarkdownIt().parse(page.read_text(encoding="utf-8"))
        if token.type == "fence" and not token.info.strip() and token.map
    ]


if __name__ == "__main__":
    for command in page_commands():
        how, where = HELD.get(command.tool, ("NOT HELD", "-"))
        sys.stdout.write(f"{command.page}: {command.line!r}: {how} ({where})\n")
