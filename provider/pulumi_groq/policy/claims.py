"""Which claims of a token fit what an identity declares."""

import json
from collections.abc import Mapping
from typing import Any


def unfit_claims(
    claims: Mapping[str, Any], exact: Mapping[str, str], patterns: Mapping[str, str]
) -> list[str]:
    """The names of the declared claims that the token lacks or has with another value; empty if all fit.

    Of a list one element has to fit; a number or boolean counts as JSON writes it, an object never fits.
    """
    unfit = {name for name, value in exact.items() if value not in _texts(claims.get(name))}
    unfit |= {
        name
        for name, pattern in patterns.items()
        if not any(_fits(text, pattern) for text in _texts(claims.get(name)))
    }
    return sorted(unfit)


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [
        each if isinstance(each, str) else json.dumps(each)
        for each in listed
        if isinstance(each, str | int | float)  # a bool is an int
    ]


def _fits(text: str, pattern: str) -> bool:
    """Colons separate the parts of a subject, so no `*` of one part may swallow the next."""
    parts, wanted = text.split(":"), pattern.split(":")
    return len(parts) == len(wanted) and all(map(_part_fits, parts, wanted))


def _part_fits(part: str, wanted: str) -> bool:
    """Puts each piece between two stars where it first occurs, which leaves the most to those behind it. A
    regular expression would try all places of all pieces: a caller chooses the text, and could make that
    take hours.
    """
    first, *others = wanted.split("*")
    if not others:
        return part == first
    *middle, last = others
    at, end = len(first), len(part) - len(last)
    if at > end or not (part.startswith(first) and part.endswith(last)):
        return False
    for piece in middle:
        found = part.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
