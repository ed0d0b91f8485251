"""Validation errors of the models, in the words of someone who edits an access file."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from pulumi_groq.access.problems import shown

_BY_TYPE = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "model_type": 'must be a mapping: one "name: value" a line',
    "string_type": "must be text; put it in quotes",
    "bool_type": "must be true or false",
    "list_type": 'must be a list: one item a line, each after "- "',
    "dict_type": 'must be a mapping: one "name: value" a line',
    "timezone_aware": "must say its zone, as in 2026-12-31T00:00:00Z",
    "datetime_type": "must be a time such as 2026-12-31T00:00:00Z",
}
_OPENING = re.compile(r"^\w+ should")
_CLOSING = re.compile(r" after validation, not \d+$")
_MODEL_ID = "must be a model's id such as openai/gpt-oss-20b: letters, digits and . _ : / -"


def reworded(error: ErrorDetails) -> str:
    """One problem that pydantic found, as `must be ...`, with the text at fault where it is short text."""
    if "allowed_models" in error["loc"] and error["type"] == "string_pattern_mismatch":
        message = _MODEL_ID
    elif error["type"] == "value_error":
        message = str(error["ctx"]["error"])
    else:
        message = _BY_TYPE.get(error["type"]) or _OPENING.sub("must", _CLOSING.sub("", error["msg"]))
    return message + _found(error["input"])


def _found(value: Any) -> str:
    return f"; found {shown(value)}" if isinstance(value, str) and value else ""


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say about a field that does not exist, with the nearest one that does."""
    names = sorted(known)
    nearest = get_close_matches(name, names, n=1)
    if nearest:
        return f"is not a known field; did you mean {nearest[0]}?"
    return f"is not a known field; known are {', '.join(names)}"
