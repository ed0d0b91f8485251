"""Which claims of a token fit what an identity declares."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
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
        if not any(_compiled(pattern).fullmatch(text) for text in _texts(claims.get(name)))
    }
    return sorted(unfit)


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [
        each if isinstance(each, str) else json.dumps(each)
        for each in listed
        if isinstance(each, str | int | float)  # a bool is an int
    ]


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A colon parts the parts of a subject, so that no `*` of one part may swallow the next."""
    return re.compile("[^:]*".join(re.escape(part) for part in re.split(r"\*+", pattern)))
