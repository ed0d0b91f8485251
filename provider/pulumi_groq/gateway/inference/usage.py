"""Usage as upstream answers state it, in any of their spellings."""

from typing import Any, NamedTuple

from pulumi_groq.gateway.http.json_reading import read_json


class TokenUsage(NamedTuple):
    """What the upstream says was used; `cached` tokens are among the `prompt` ones."""

    prompt: int
    cached: int
    completion: int


def usage_in(document: bytes) -> TokenUsage | None:
    """The usage that a JSON answer states; `None` where it states none."""
    try:
        return usage_of(read_json(document))
    except (ValueError, RecursionError):
        return None


def usage_of(answer: Any) -> TokenUsage | None:
    """The usage that a parsed answer, or a parsed event of a stream, states."""
    if not isinstance(answer, dict):
        return None
    for holder in (answer, answer.get("x_groq"), answer.get("response")):
        usage = _usage(holder.get("usage")) if isinstance(holder, dict) else None
        if usage is not None:
            return usage
    return None


def audio_ms_in(document: bytes) -> int | None:
    """The length in milliseconds that a transcription states in `duration` (verbose_json, seconds)."""
    try:
        answer = read_json(document)
    except (ValueError, RecursionError):
        return None
    seconds = answer.get("duration") if isinstance(answer, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return round(seconds * 1000) if 0 < seconds < 1e9 else None


def _usage(usage: Any) -> TokenUsage | None:
    if not isinstance(usage, dict):
        return None
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    if prompt is None:
        return None
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, dict) else 0
    return TokenUsage(
        prompt=prompt,
        cached=min(cached or 0, prompt),
        completion=_count(usage, "completion_tokens", "output_tokens") or 0,
    )


def _count(holder: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = holder.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
