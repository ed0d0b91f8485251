"""Which characters a reader sees."""

from typing import Final

_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def is_visible(text: str) -> bool:
    """Whether a reader sees each character of `text`, spaces included: `str.isprintable` takes fillers and
    the blank braille pattern for printable, which no font shows.
    """
    return text.isprintable() and _BLANK.isdisjoint(text)
