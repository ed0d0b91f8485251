"""Validation errors of the models, in the words of someone who edits an access file."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

from pydantic_core import ErrorDetails

from pulumi_groq.access.problems import shown
from pulumi_groq.models.requirements import requirement

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
    return (_IN_YAML.get(error["type"]) or requirement(error)) + _found(error["input"])


def _found(value: Any) -> str:
    return f"; found {shown(value)}" if isinstance(value, str) and value else ""


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say about a field that does not exist, with the nearest one that does."""
    names = sorted(known)
    nearest = get_close_matches(name, names, n=1)
    if nearest:
        return f"is not a known field; did you mean {nearest[0]}?"
    return f"is not a known field; known are {', '.join(names)}"
