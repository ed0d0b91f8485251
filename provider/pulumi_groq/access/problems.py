"""What is wrong with an access file, by line, in its author's words."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from pydantic_core import ErrorDetails

from pulumi_groq.errors import AccessFileError
from pulumi_groq.models.requirements import requirement
from pulumi_groq.models.visibility import is_visible

Path = tuple[str | int, ...]

_LONGEST_SHOWN = 60


def shown(text: str) -> str:
    """`text` as messages quote it: without line breaks or control characters, and of bounded length."""
    shortened = text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
    return json.dumps(shortened, ensure_ascii=not is_visible(shortened))


def dotted(path: Path) -> str:
    """`path` as messages write it: `teams.chatbot.allowed_models.0`, odd names in quotes."""
    return ".".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    plain = isinstance(step, int) or (step.replace("-", "").replace("_", "").isalnum() and is_visible(step))
    return str(step) if plain and len(str(step)) <= _LONGEST_SHOWN else shown(str(step))


@dataclass(slots=True)
class Problems:
    """Collects every problem of one file, so that all of them are reported at once."""

    file: str
    _found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, path: Path, message: str) -> None:
        where = f"{dotted(path)}: " if path else ""
        self._found.append((line, f"{self.file}:{line}: {where}{message}"))

    def fail(self, line: int, path: Path, message: str) -> NoReturn:
        """Add this problem and raise AccessFileError: nothing after it can be read."""
        self.add(line, path, message)
        raise AccessFileError("\n".join(_in_order(self._found)))

    def raise_if_any(self) -> None:
        """Raise AccessFileError with the problems in the file's order, if there are any."""
        if self._found:
            raise AccessFileError("\n".join(_in_order(self._found)))


def _in_order(found: Sequence[tuple[int, str]]) -> list[str]:
    return [text for _, text in sorted(dict.fromkeys(found), key=lambda problem: problem[0])]


NO_VALUE: Final = "has no value; write one or take the line out"
_IN_YAML: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "model_type": 'must be a mapping: one "name: value" a line',
    "string_type": "must be text; put it in quotes",
    "list_type": 'must be a list: one item a line, each after "- "',
    "dict_type": 'must be a mapping: one "name: value" a line',
}


def reworded(error: ErrorDetails) -> str:
    """One problem that pydantic found, as `must be ...`, with the text at fault if it is short."""
    if error["input"] is None:
        return NO_VALUE
    return (_IN_YAML.get(error["type"]) or requirement(error)) + _found(error["input"])


def _found(value: Any) -> str:
    return f"; found {shown(value)}" if isinstance(value, str) and value else ""


def unknown(name: str, known: Iterable[str], what: str = "field") -> str:
    """What to say about a field, or another `what`, that does not exist: the nearest one that does."""
    names = sorted(known)
    nearest = get_close_matches(name, names, n=1)
    if nearest:
        return f"is not a known {what}; did you mean {nearest[0]}?"
    others = f"known are {', '.join(names)}" if names else "there are none"
    return f"is not a known {what}; {others}"
