"""The items of `input` of responses: messages and the caller's own tools pass."""

import re
from typing import Any, Final

from pulumi_groq.gateway.http.refusal import bad_request
from pulumi_groq.gateway.inference.reach.needs import Needs, as_name, as_object, only, unserved
from pulumi_groq.gateway.inference.reach.parts import read_content
from pulumi_groq.gateway.inference.reach.tools import built_in
from pulumi_groq.models.tools import MCP, STORED_RESPONSES

_EVERY_ITEM: Final = frozenset({"type", "id", "status"})
_INLINE: Final = {
    "message": frozenset({"role", "content", "phase"}),
    "function_call": frozenset({"arguments", "call_id", "name", "namespace"}),
    "function_call_output": frozenset({"call_id", "output", "name", "namespace"}),
    "custom_tool_call": frozenset({"call_id", "input", "name", "namespace"}),
    "custom_tool_call_output": frozenset({"call_id", "output"}),
    "reasoning": frozenset({"summary", "content", "encrypted_content"}),
}
"""Items that the body holds whole, with their fields."""

_CONTENT: Final = ("content", "output", "summary")
_BY_A_TOOL: Final = re.compile("(.+?)_call(?:_output)?")


def read_input(items: Any, needs: Needs) -> None:
    """Text, or a list of items."""
    if items is None or isinstance(items, str):
        return
    if not isinstance(items, list):
        raise bad_request("input must be text or a list of items.", param="input")
    for index, item in enumerate(items):
        path = f"input.{index}"
        _read_item(as_object(item, path), path, needs)


def _read_item(item: dict[str, Any], path: str, needs: Needs) -> None:
    kind = item.get("type")
    if kind is None:
        kind = "message" if "role" in item else "item_reference"
    at = f"{path}.type" if "type" in item else path
    known = _INLINE.get(as_name(kind, at))
    if known is not None:
        only(item, _EVERY_ITEM | known, path)
        for name in _CONTENT:
            if name in known:
                read_content(item.get(name), f"{path}.{name}", needs)
    elif kind == "item_reference":
        needs.add(STORED_RESPONSES, at)
        only(item, _EVERY_ITEM, path)
    elif kind.startswith("mcp_"):
        needs.add(MCP, at)
    elif by_a_tool := _BY_A_TOOL.fullmatch(kind):
        needs.add(built_in(by_a_tool[1], at), at)
    else:
        raise unserved(at, "this gateway does not know such an item.")


_INCLUDED: Final = frozenset(
    {"reasoning.encrypted_content", "message.output_text.logprobs", "message.input_image.image_url"}
)


def read_include(include: list[Any], needs: Needs) -> None:
    """`include`: what tools found needs the tool's permission."""
    for index, each in enumerate(include):
        path = f"include.{index}"
        if as_name(each, path) in _INCLUDED:
            continue
        by_a_tool = _BY_A_TOOL.fullmatch(each.split(".", 1)[0])
        if by_a_tool is None:
            raise unserved(path, "this gateway does not know it.")
        needs.add(built_in(by_a_tool[1], path), path)
