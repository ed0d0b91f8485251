"""How the echo is to behave; whoever starts it decides, never a caller."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EchoScript:
    """The defaults echo the prompt at once.

    `chunks`: how many tokens an answer has (the prompt's own words where unset). `pause_s`: seconds
    before each piece of an answer. `fail_after`: the connection breaks after so many pieces.
    `status`: answer with this error instead. `cached_tokens`: how many prompt tokens are stated as
    cached. `states_usage`: whether answers state any usage.
    """

    chunks: int | None = None
    pause_s: float = 0.0
    fail_after: int | None = None
    status: int | None = None
    cached_tokens: int = 0
    states_usage: bool = True


PLAIN: Final = EchoScript()
