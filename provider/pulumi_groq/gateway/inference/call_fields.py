"""The fields of a JSON request that metering needs, read so that no other parser can find others in it."""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from pulumi_groq.gateway.http.bodies import strict_decoder
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
    if not value.keys() <= METERED:
        _refuse_other_spellings(value)
    return value


def _read(body: bytes) -> Any:
    # An escaped letter may hide a key's name.
    if _ESCAPED_ASCII not in body and max(map(body.count, _QUOTED)) <= 1:
        try:
            value = from_json(body, allow_inf_nan=False)
        except ValueError:
            pass  # it refuses more than JSON does: half a surrogate pair, nesting above 200
        else:
            if _is_plain(body, value):
                return value
    return _EXACT.decode(body.decode())


def _is_plain(body: bytes, value: Any) -> bool:
    """Whether the value is all that any parser finds in the body, as far as it decides something.

    The text has each metered key once, and the value holds a repeated key once. So if it holds no key that
    reaches beyond the body except the `content` of messages, only that can be repeated, and then the text has
    it more often than the value. `compound_custom` has such keys of its own.
    """
    if not isinstance(value, dict) or "compound_custom" in value or not value.keys().isdisjoint(REACHING):
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
    for name in value.keys() - METERED:
        if name.casefold() in METERED:
            raise bad_request(f"Write {name.casefold()} in lower case.", param=name.casefold())


_EXACT: Final = strict_decoder(_without_repeats)


SERVICE_TIERS: Final = ("auto", "on_demand", "flex", "performance")
LARGEST_OUTPUT_TOKENS: Final = 10_000_000
LARGEST_CHOICES: Final = 128
COMPOUND_FIELDS: Final = frozenset({"models", "tools"})
COMPOUND_ROLES: Final = frozenset({"answering_model", "reasoning_model"})
"""What the `groq` package knows of compound systems (`CompoundCustom` of chat completions)."""


class OutputLimit(NamedTuple):
    """A field that limits the output, as the request has it; `tokens` is `None` where it is left out."""

    field: str
    tokens: int | None


class CallFields(NamedTuple):
    """`models` are all that the request names, `model` first; `max_output_tokens` is per choice, and
    `output_limits` are the fields that say it, or would.

    `include_usage`: the caller asked for the usage chunk of a stream. `input_characters` counts the
    text to be read aloud.
    """

    model: str
    models: tuple[str, ...]
    stream: bool = False
    max_output_tokens: int | None = None
    output_limits: tuple[OutputLimit, ...] = ()
    choices: int = 1
    include_usage: bool = False
    input_characters: int = 0


def chat_fields(body: JsonObject) -> CallFields:
    """Of chat/completions. Raises `Refusal` 400 with the field's path in `param`."""
    model = _model(body)
    _service_tier(body)
    newer = _whole_number(body, "max_completion_tokens", LARGEST_OUTPUT_TOKENS)
    older = _whole_number(body, "max_tokens", LARGEST_OUTPUT_TOKENS)
    return CallFields(
        model,
        (model, *_compound_models(body)) if "compound_custom" in body else (model,),
        _flag(body, "stream"),
        max(newer or 0, older or 0) or None,
        _chat_output_limits(newer, older),
        _whole_number(body, "n", LARGEST_CHOICES) or 1 if "n" in body else 1,
        _include_usage(body) if "stream_options" in body else False,
    )


def responses_fields(body: JsonObject) -> CallFields:
    """Of responses. `background` is refused: its usage would come after the answer."""
    model = _model(body)
    _service_tier(body)
    if _flag(body, "background"):
        raise bad_request(
            "background must be false: this gateway meters while it answers.", param="background"
        )
    asked = _whole_number(body, "max_output_tokens", LARGEST_OUTPUT_TOKENS)
    return CallFields(
        model=model,
        models=(model,),
        stream=_flag(body, "stream"),
        max_output_tokens=asked,
        output_limits=(OutputLimit("max_output_tokens", asked),),
    )


def embedding_fields(body: JsonObject) -> CallFields:
    """Of embeddings."""
    model = _model(body)
    return CallFields(model=model, models=(model,), max_output_tokens=0)


def speech_fields(body: JsonObject) -> CallFields:
    """Of audio/speech, which is priced by the characters of `input`."""
    model = _model(body)
    text = body.get("input")
    if not isinstance(text, str) or not text:
        raise bad_request("input must be the text to read aloud.", param="input")
    return CallFields(model=model, models=(model,), max_output_tokens=0, input_characters=len(text))


READERS: Final[dict[str, Callable[[JsonObject], CallFields]]] = {
    "chat/completions": chat_fields,
    "responses": responses_fields,
    "embeddings": embedding_fields,
    "audio/speech": speech_fields,
}
"""By the label of the route."""


def _model(body: JsonObject) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise bad_request("model must be the id of a model.", param="model")
    return model


def _flag(body: JsonObject, name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"{name} must be true or false.", param=name)
    return bool(value)


def _whole_number(body: JsonObject, name: str, largest: int) -> int | None:
    value: Any = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise bad_request(f"{name} must be a whole number from 1 to {largest}.", param=name)
    return value


def _chat_output_limits(newer: int | None, older: int | None) -> tuple[OutputLimit, ...]:
    newer_limit = OutputLimit("max_completion_tokens", newer)
    if older is None:
        return (newer_limit,)
    older_limit = OutputLimit("max_tokens", older)
    return (older_limit,) if newer is None else (newer_limit, older_limit)


def _service_tier(body: JsonObject) -> None:
    tier = body.get("service_tier")
    if tier is not None and tier not in SERVICE_TIERS:
        raise bad_request(f"service_tier must be one of {', '.join(SERVICE_TIERS)}.", param="service_tier")


def _include_usage(body: JsonObject) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise bad_request("stream_options must be an object.", param="stream_options")
    asked = options.get("include_usage")
    if asked is not None and not isinstance(asked, bool):
        raise bad_request("include_usage must be true or false.", param="stream_options.include_usage")
    return bool(asked)


def _compound_models(body: JsonObject) -> tuple[str, ...]:
    """The models that a compound system is told to use; each must be the key's own.

    What is not known here could name a model in a way that only the upstream reads, so it is refused.
    """
    custom = body.get("compound_custom")
    if custom is None:
        return ()
    if not isinstance(custom, dict) or not custom.keys() <= COMPOUND_FIELDS:
        raise bad_request(
            f"compound_custom must be an object with {' and '.join(sorted(COMPOUND_FIELDS))}.",
            param="compound_custom",
        )
    chosen = custom.get("models")
    if chosen is None:
        return ()
    if not isinstance(chosen, dict) or not chosen.keys() <= COMPOUND_ROLES:
        raise bad_request(
            f"models must be an object with {' and '.join(sorted(COMPOUND_ROLES))}.",
            param="compound_custom.models",
        )
    if not all(isinstance(each, str | None) for each in chosen.values()):
        raise bad_request("models must name models by their ids.", param="compound_custom.models")
    return tuple(each for each in chosen.values() if each is not None)


_ASKED: Final = b'{"stream_options":{"include_usage":true},'


def with_usage_requested(body: bytes, fields: JsonObject) -> bytes:
    """`body` with `stream_options.include_usage` true; all other bytes stay as they are where
    `stream_options` is absent. `fields` is the same body, parsed, and never empty. Raises `Refusal` 400 for
    what can be read, and not be written again.
    """
    if "stream_options" not in fields:
        return _ASKED + body[body.index(b"{") + 1 :]
    options = fields["stream_options"] or {}
    asked = {**fields, "stream_options": {**options, "include_usage": True}}
    try:
        return json.dumps(asked, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:  # 1e400 is a number of JSON, and none of Python's: it would be written as Infinity
        raise bad_request("A number in the body is too large. Send one that a double holds.") from None
