"""Usage as upstream answers state it, in any of their spellings.

A count is a whole number from 0 that is no boolean. A usage of which a part cannot be read is not half of
a usage.
"""

import math
from typing import Any, NamedTuple

from pulumi_groq.gateway.http.json_reading import read_json


class UnreadableUsageError(Exception):
    """The upstream states a usage that cannot be read; the text names the field."""


class TokenUsage(NamedTuple):
    """What the upstream says was used; `cached` tokens are among the `prompt` ones. `completion` is `None`
    where it names none, as embeddings do.
    """

    prompt: int
    cached: int
    completion: int | None


class AudioUsage(NamedTuple):
    """How many milliseconds of audio the upstream says it heard."""

    ms: int


Stated = TokenUsage | AudioUsage


def usage_in(document: bytes) -> TokenUsage | None:
    """The usage that a JSON answer states; `None` where it states none. Raises `UnreadableUsageError`."""
    return usage_of(_parsed(document))


def usage_of(answer: Any) -> TokenUsage | None:
    """The usage that a parsed answer, or event of a stream, states. Raises `UnreadableUsageError`."""
    if not isinstance(answer, dict):
        return None
    for holder in (answer, answer.get("x_groq"), answer.get("response")):
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if usage is not None:
            return _tokens(usage)
    return None


def audio_in(document: bytes) -> AudioUsage | None:
    """The length that a transcription states: `duration` (verbose_json) or `usage.seconds`, in seconds.

    Raises `UnreadableUsageError`.
    """
    answer = _parsed(document)
    if not isinstance(answer, dict):
        return None
    usage = answer.get("usage")
    seconds = answer.get("duration")
    if seconds is None and isinstance(usage, dict):
        seconds = usage.get("seconds")
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise UnreadableUsageError("the duration is no number of seconds above 0")
    # A length that no float can hold in milliseconds is far beyond any bound either way.
    return AudioUsage(math.ceil(min(seconds, 1e15) * 1000))


def _parsed(document: bytes) -> Any:
    try:
        return read_json(document)
    except (ValueError, RecursionError):
        return None


def _tokens(usage: Any) -> TokenUsage:
    if not isinstance(usage, dict):
        raise UnreadableUsageError("usage is no object")
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    if prompt is None:
        raise UnreadableUsageError("prompt_tokens is missing")
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = (_count(details, "cached_tokens", null_is_missing=True) or 0) if isinstance(details, dict) else 0
    if cached > prompt:
        raise UnreadableUsageError("cached_tokens is above prompt_tokens")
    return TokenUsage(prompt, cached, _count(usage, "completion_tokens", "output_tokens"))


def _count(holder: dict[str, Any], *names: str, null_is_missing: bool = False) -> int | None:
    """What the first of `names` that is there counts; `None` where none of them is."""
    for name in names:
        if name not in holder:
            continue
        value = holder[name]
        if value is None and null_is_missing:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UnreadableUsageError(f"{name} is no whole number from 0")
        return value
    return None
