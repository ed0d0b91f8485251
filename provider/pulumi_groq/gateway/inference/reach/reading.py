"""The rule itself: field by field of a JSON body, for each route."""

from collections.abc import Callable
from typing import Any, Final

from pulumi_groq.gateway.http.refusal import bad_request
from pulumi_groq.gateway.inference.call_fields import JsonObject
from pulumi_groq.gateway.inference.reach.items import read_include, read_input
from pulumi_groq.gateway.inference.reach.needs import (
    KNOWN,
    MESSAGE,
    UNSERVED,
    Needs,
    Reach,
    as_list,
    as_object,
    only,
    unserved,
)
from pulumi_groq.gateway.inference.reach.parts import read_content, read_documents
from pulumi_groq.gateway.inference.reach.tools import read_compound, read_tool_choice, read_tools
from pulumi_groq.models.tools import STORED_RESPONSES

_WEB_SEARCH: Final = "web_search"


def reach_of(label: str, body: JsonObject) -> Reach:
    """The permissions that `body` needs on the route `label`.

    Raises `Refusal`: 400 for a field that is not known, 403 `tool_not_allowed` for what no permission allows.
    """
    if not body.keys() <= KNOWN[label]:
        only(body, KNOWN[label], "")
    looked_at = body.keys() & _LOOKED_AT
    needs = Needs()
    for name in sorted(looked_at) if len(looked_at) > 1 else looked_at:
        value = body[name]
        if value is not None:
            _LOOKED_AT[name](value, name, needs)
    if label == "responses":
        read_input(body.get("input"), needs)
    elif label == "embeddings":
        _embedded(body.get("input"))
    return needs


def _messages(messages: Any, path: str, needs: Needs) -> None:
    for index, message in enumerate(messages if messages.__class__ is list else as_list(messages, path)):
        if not isinstance(message, dict):
            raise bad_request(f"messages.{index} must be an object.", param=f"messages.{index}")
        if not message.keys() <= MESSAGE:
            only(message, MESSAGE, f"messages.{index}")
        content = message.get("content")
        if content.__class__ is not str:
            read_content(content, f"messages.{index}.content", needs)
        if message.get("audio") is not None:
            raise unserved(f"messages.{index}.audio", "it stands outside of the request.")


def _refused(_value: Any, path: str, _needs: Needs) -> None:
    raise unserved(path, "this gateway cannot tell what it would cost.")


def _stored(_value: Any, path: str, needs: Needs) -> None:
    needs.add(STORED_RESPONSES, path)


def _store(value: Any, path: str, needs: Needs) -> None:
    if value is not False:
        needs.add(STORED_RESPONSES, path)


def _web_search(_value: Any, path: str, needs: Needs) -> None:
    needs.add(_WEB_SEARCH, path)


def _modalities(value: Any, path: str, _: Needs) -> None:
    if value != ["text"]:
        raise unserved(path, "this gateway meters text only.")


def _functions(value: Any, path: str, _: Needs) -> None:
    known = frozenset({"name", "description", "parameters"})
    for index, function in enumerate(as_list(value, path)):
        only(as_object(function, f"{path}.{index}"), known, f"{path}.{index}")


def _embedded(value: Any) -> None:
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        raise unserved("input", "this gateway takes text, or lists of tokens, to embed.")


_LOOKED_AT: Final[dict[str, Callable[[Any, str, Needs], None]]] = {
    "messages": _messages,
    "tools": lambda value, path, needs: read_tools(value, needs, path),
    "tool_choice": lambda value, path, needs: read_tool_choice(value, needs, path),
    "compound_custom": lambda value, _, needs: read_compound(value, needs),
    "documents": lambda value, _, __: read_documents(value),
    "include": lambda value, path, needs: read_include(as_list(value, path), needs),
    "functions": _functions,
    "modalities": _modalities,
    "store": _store,
    **dict.fromkeys(("previous_response_id", "conversation", "prompt"), _stored),
    **dict.fromkeys(
        ("web_search_options", "search_settings", "include_domains", "exclude_domains"), _web_search
    ),
    **dict.fromkeys(UNSERVED, _refused),
}
"""The fields that can reach beyond the body, by name; every other one is a setting or plain text."""
