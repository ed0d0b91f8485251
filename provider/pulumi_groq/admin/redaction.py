"""Makes foreign text fit for an error message: one line, bounded, without keys."""

import re
from typing import Final

GATEWAY_KEY_PREFIX: Final = "pgq_"
MASK: Final = "[key]"

_GATEWAY_KEY: Final = re.compile(GATEWAY_KEY_PREFIX + r"[0-9A-Za-z]+")


class Redaction:
    """Cleans what a server or a library said. Holds the admin key to know what to mask."""

    def __init__(self, admin_key: str) -> None:
        self._admin_key = admin_key

    def line(self, text: str, longest: int = 300) -> str:
        """`text` on one line of at most `longest` characters, the admin key and gateway keys masked."""
        printable = "".join(character if character.isprintable() else " " for character in text)
        line = " ".join(printable.split())
        masked = _GATEWAY_KEY.sub(MASK, line.replace(self._admin_key, MASK))
        return masked if len(masked) <= longest else masked[: longest - 1] + "…"
