"""A strict subset of YAML, read into nodes that know their line.

Left out on purpose, each with an error that says so: aliases and anchors (a few lines of them can
expand to gigabytes), tags, repeated keys (YAML keeps the last one silently), several documents.
Plain scalars follow YAML 1.2: only `true` and `false` are booleans, `1_000`, `017` and `1:30` are
text, and times stay text for the model to read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import yaml

from pulumi_groq.access.problems import Path, Problems, shown

LARGEST_FILE_BYTES: Final = 8 * 1024 * 1024
_DEEPEST = 12
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(
    r"[-+]?([0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18}|[0-9]{1,18}(?=[eE]))([eE][-+]?[0-9]{1,3})?"
)
_NAMED: Final = {"": None, "~": None, "null": None, "true": True, "false": False}

Scalar = str | int | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line (from 1) of it, or of the key that holds it."""

    value: "Scalar | list[Node] | dict[str, Node]"
    line: int

    @property
    def names(self) -> frozenset[str]:
        """The names in a mapping; empty for anything else."""
        return frozenset(self.value) if isinstance(self.value, dict) else frozenset()

    def line_at(self, path: Path) -> int:
        """The line of what is at `path`, or of the nearest node above it."""
        node = self
        for step in path:
            below: Node | None = None
            if isinstance(node.value, dict):
                below = node.value.get(str(step))
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                below = node.value[step]
            if below is None:
                break
            node = below
        return node.line

    def plain(self) -> Any:
        """The value without its lines, for a model to validate."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(content: bytes, problems: Problems) -> Node:
    """The one document in `content` (UTF-8).

    Raises AccessFileError when there is none, or when it is not in the subset described above.
    """
    text = _decoded(content, problems)
    try:
        root = _Reader(yaml.parse(text, Loader=_LOADER), problems).document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.fail(line, (), f"is not valid YAML: {_advice(text, line, error.problem or 'unreadable')}")
    except yaml.YAMLError:
        problems.fail(1, (), "is not valid YAML: it holds a character that YAML does not allow")
    problems.raise_if_any()  # what the file says is unclear until these are gone
    return root


def _decoded(content: bytes, problems: Problems) -> str:
    if len(content) > LARGEST_FILE_BYTES:
        problems.fail(1, (), f"is larger than {LARGEST_FILE_BYTES // 1024**2} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.fail(line, (), "is not UTF-8 text; save the file as UTF-8")
    found = _FORBIDDEN.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        problems.fail(line, (), f"holds the control character {shown(found.group())}; take it out")
    return text


def _advice(text: str, line: int, problem: str) -> str:
    if any("\t" in at[: len(at) - len(at.lstrip())] for at in text.splitlines()[line - 1 : line]):
        return "a tab where a space belongs; indent with spaces"
    return f"{problem}; check this line's indentation, colons and quotes"


class _Reader:
    """Builds nodes from YAML events, so that aliases are seen before anything could expand them."""

    def __init__(self, events: Iterator[Any], problems: Problems) -> None:
        self._events = events
        self._problems = problems

    def document(self) -> Node:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Node(None, 1)
        first = next(self._events)
        root = self._node(first, first.start_mark.line + 1, ())
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._problems.add(after.start_mark.line + 1, (), "starts a second document; one is accepted")
        return root

    def _node(self, event: Any, line: int, path: Path) -> Node:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(event, path, "anchors (&) and aliases (*) are not accepted; write the value out")
        elif event.tag is not None:
            self._refuse(event, path, f"the tag {shown(event.tag)} is not accepted; write the plain value")
        if len(path) > _DEEPEST:
            line = event.start_mark.line + 1
            self._problems.fail(line, (), f"is nested more than {_DEEPEST} levels deep")
        if isinstance(event, yaml.MappingStartEvent):
            return Node(self._mapping(path), line)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(self._sequence(path), line)
        return Node(_scalar(event), line)

    def _sequence(self, path: Path) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, event.start_mark.line + 1, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key = event.value if isinstance(event, yaml.ScalarEvent) else ""
            node_of_key = self._node(event, line, path)
            if isinstance(node_of_key.value, dict | list):
                self._refuse(event, path, "a list or mapping cannot be a name")
            following = next(self._events)
            node = self._node(following, line, (*path, key))
            if key in entries:
                self._refuse(event, (*path, key), f"is written twice, first on line {entries[key].line}")
            entries[key] = node
        return entries

    def _refuse(self, event: Any, path: Path, message: str) -> None:
        self._problems.add(event.start_mark.line + 1, path, message)


def _scalar(event: Any) -> Scalar:
    text: str = getattr(event, "value", "")
    if event.__class__ is not yaml.ScalarEvent or event.style:
        return text
    if text in _NAMED:
        return _NAMED[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text
