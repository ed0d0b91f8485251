"""A JSON request body, read once and strictly: what is metered must have a single meaning."""

from typing import Any, Final

from pydantic_core import from_json

from pulumi_groq.gateway.http.json_reading import strict_decoder
from pulumi_groq.gateway.http.refusal import bad_request

METERED: Final = frozenset(
    {
        "model",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "n",
        "service_tier",
        "input",
        "messages",
        "background",
        "compound_custom",
        "models",
        "answering_model",
        "reasoning_model",
    }
)
_REACHING_NAMES: Final = """
    audio content conversation documents document exclude_domains file file_data file_id file_url
    function_call functions image_url include include_domains modalities moderation output prediction
    previous_response_id prompt search_settings server_url source store summary tool_choice tools type url
    web_search_options enabled_tools wolfram_settings container environment connector_id
"""
REACHING: Final = frozenset(_REACHING_NAMES.split())
"""Keys that decide what the upstream may read or do beyond the body."""

_ONCE: Final = METERED | REACHING
_QUOTED: Final = tuple(f'"{name}"'.encode() for name in sorted(METERED))
_ESCAPED_ASCII: Final = b"\\u00"

JsonObject = dict[str, Any]


class RepeatedKeyError(ValueError):
    """A key that decides something appears twice in one object with different values."""


def read_json_object(body: bytes) -> JsonObject:
    """The body as a JSON object. Raises `Refusal` 400 for anything else.

    Strict UTF-8, no NaN or Infinity. A key that decides what is charged or permitted must not be repeated
    with another value, nor a metered one be written in another case: parsers differ in which one they obey,
    and some ignore case.
    """
    try:
        value = _read(body)
    except RepeatedKeyError as failure:
        raise bad_request(str(failure)) from None
    except (ValueError, RecursionError):  # what else is in the text never goes into an answer
        raise bad_request("The request body is not valid JSON in UTF-8. Send one JSON object.") from None
    if not isinstance(value, dict):
        raise bad_request("The request body must be a JSON object.")
    _refuse_other_spellings(value)
    return value


def _read(body: bytes) -> Any:
    if not _may_repeat(body):
        try:
            value = from_json(body, allow_inf_nan=False)
        except ValueError:
            pass  # it refuses more than JSON does: half a surrogate pair, nesting above 200
        else:
            if _is_plain(body, value):
                return value
    return _EXACT.decode(body.decode())


def _may_repeat(body: bytes) -> bool:
    """Whether the slow, exact reading is needed. An escaped ASCII letter may hide a key's name."""
    return _ESCAPED_ASCII in body or max(map(body.count, _QUOTED)) > 1


def _is_plain(body: bytes, value: Any) -> bool:
    """Whether the value is all that any parser finds in the body, as far as it decides something.

    The value holds a repeated key once. So if it holds no key that reaches beyond the body except the
    `content` of messages, only that can be repeated, and then the text has it more often than the value.
    """
    if not isinstance(value, dict) or not value.keys().isdisjoint(REACHING):
        return False
    messages = value["messages"] if "messages" in value else value.get("input")
    contents = 0
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        if "content" in message:
            contents += 1
            if message["content"].__class__ is not str:
                return False
        if "type" in message or "audio" in message:
            return False
    return body.count(b'"content"') == contents


def _without_repeats(pairs: list[tuple[str, Any]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        for name, one in pairs:
            if name in _ONCE and (one != value[name] or type(one) is not type(value[name])):
                raise RepeatedKeyError(f"The key {name} appears twice with different values. Send it once.")
    return value


def _refuse_other_spellings(value: JsonObject) -> None:
    for name in value:
        if name not in METERED and name.casefold() in METERED:
            raise bad_request(f"Write {name.casefold()} in lower case.", param=name.casefold())


_EXACT: Final = strict_decoder(_without_repeats)
