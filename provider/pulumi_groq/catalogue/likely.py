"""Which model is meant by an id that is none."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(model_id: str, known: Iterable[str]) -> str:
    """` (did you mean MODEL?)` for the one of `known` that is most like `model_id`; empty where none is."""
    nearest = get_close_matches(model_id, sorted(known), n=1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""
