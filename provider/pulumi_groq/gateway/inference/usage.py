"""Usage as upstream answers state it, however they spell it.

A count is a whole number from 0, and not a boolean. A usage that can be read in part only counts as
unreadable. If an answer states several, the dearest of each count is taken: Groq states the same one twice
(at the top and in `x_groq`), so what differs is a fault, which must not make a request cheaper.
"""

import math
from typing import Any, NamedTuple

from pulumi_groq.catalogue.catalogue import Kind
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


def parsed_answer(document: bytes) -> Any:
    """A whole answer, parsed; `None` for what is not JSON, which states nothing."""
    try:
        return read_json(document)
    except (ValueError, RecursionError):
        return None


def stated_by(answer: Any, kind: Kind) -> Stated | None:
    """What a parsed answer, or event of a stream, of a model of this kind states, in the unit that the kind
    is charged by; `None` where it states nothing. Raises `UnreadableUsageError`.
    """
    if kind == "transcription":
        return audio_of(answer)
    # Speech is charged by the characters that were sent, whatever its answer says.
    return None if kind == "speech" else usage_of(answer)


def usage_of(answer: Any) -> TokenUsage | None:
    """The tokens that a parsed answer, or event of a stream, states. Raises `UnreadableUsageError`."""
    stated = [_tokens(usage) for usage in _usages(answer)]
    if not stated:
        return None
    return TokenUsage(
        max(each.prompt for each in stated),
        min(each.cached for each in stated),
        max((each.completion for each in stated if each.completion is not None), default=None),
    )


def audio_of(answer: Any) -> AudioUsage | None:
    """The length that a transcription states in seconds, whole or as an event of a stream: `duration`
    (verbose_json) or `usage.seconds`. Raises `UnreadableUsageError`.
    """
    if not isinstance(answer, dict):
        return None
    places = [answer.get("duration")]
    places += [usage.get("seconds") for usage in _usages(answer) if isinstance(usage, dict)]
    stated = [_ms(seconds) for seconds in places if seconds is not None]
    return AudioUsage(max(stated)) if stated else None


def _usages(answer: Any) -> list[Any]:
    if not isinstance(answer, dict):
        return []
    holders = (answer, answer.get("x_groq"), answer.get("response"))
    usages = (holder.get("usage") for holder in holders if isinstance(holder, dict))
    return [usage for usage in usages if usage is not None]


def _ms(seconds: Any) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise UnreadableUsageError("the duration is no number of seconds above 0")
    # A length that no float can hold in milliseconds is far beyond any bound either way.
    return math.ceil(min(seconds, 1e15) * 1000)


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
