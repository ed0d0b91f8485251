"""The tools that a request offers to the model, and the one that it makes the model use."""

import re
from typing import Any, Final

from pulumi_groq.gateway.inference.reach.needs import (
    Needs,
    as_list,
    as_name,
    as_object,
    only,
    under,
    unserved,
)
from pulumi_groq.models.tools import CONTENT, HOST, MCP

_NAME: Final = re.compile("[a-z][a-z0-9_]{0,199}")
_SERVER: Final = re.compile(rf"https://({HOST})(?::443)?(?:/[!-\[\]-~]*)?")
"""Without user, other port, final dot or backslash: what every reader takes for the same host."""

_HEADER: Final = re.compile(
    r"(?!host$|forwarded$|via$|x-(?:forwarded|original|rewrite|host)\b)[a-z0-9!#$%&'*+.^_`|~-]{1,200}",
    re.IGNORECASE,
)
"""Not one that names another host or target: where many share an address, it reaches another's server."""
_HEADER_VALUE: Final = re.compile("[\t -~]*")

_OWN: Final = frozenset({"function", "custom"})
"""Types of tools that the caller runs."""

_FUNCTION: Final = frozenset({"name", "description", "parameters", "strict"})
_CUSTOM: Final = frozenset({"name", "description", "format"})
_RESPONSES_ONLY: Final = frozenset({"type", "output_schema", "defer_loading", "allowed_callers"})
_BUILT_IN: Final = frozenset(
    {"type", "search_context_size", "user_location", "filters", "container", "environment"}
)
_MCP_SERVER: Final = frozenset(
    {
        "type",
        "server_label",
        "server_url",
        "server_description",
        "headers",
        "authorization",
        "allowed_tools",
        "require_approval",
        "defer_loading",
        "allowed_callers",
    }
)
_AUTO: Final = {"type": "auto"}


def read_tools(tools: Any, needs: Needs, path: str = "tools") -> None:
    """Functions and custom tools pass; each other tool needs the permission of its name or host."""
    for index, tool in enumerate(as_list(tools, path)):
        at = under(path, index)
        _read_tool(as_object(tool, at), at, needs)


def _read_tool(tool: dict[str, Any], path: str, needs: Needs) -> None:
    kind = as_name(tool.get("type"), f"{path}.type")
    if kind in _OWN:
        fields = _FUNCTION if kind == "function" else _CUSTOM
        if kind not in tool:  # as in responses, where the fields stand beside the type
            only(tool, fields | _RESPONSES_ONLY, path)
            return
        only(tool, frozenset({"type", kind}), path)
        only(as_object(tool[kind], f"{path}.{kind}"), fields, f"{path}.{kind}")
    elif kind == "mcp":
        only(tool, _MCP_SERVER, path)
        needs.add(MCP + _host(tool, path), f"{path}.server_url")
        _read_headers(tool, path)
    else:
        needs.add(built_in(kind, f"{path}.type"), f"{path}.type")
        only(tool, _BUILT_IN, path)
        if tool.get("container") not in (None, _AUTO):
            raise unserved(f"{path}.container", 'only a new one, {"type": "auto"}, can be permitted.')
        if tool.get("environment") is not None:
            raise unserved(f"{path}.environment", "it stands outside of the request.")


def built_in(name: str, path: str) -> str:
    """The permission of the built-in tool `name`. Raises `Refusal` for what cannot be a tool's name."""
    if not _NAME.fullmatch(name) or name in CONTENT:
        raise unserved(path, "this gateway knows no such tool.")
    return name


def _host(tool: dict[str, Any], path: str) -> str:
    at = f"{path}.server_url"
    url = tool.get("server_url")
    if url is None:
        raise unserved(at, "a remote MCP server must be named by its URL.")
    match = _SERVER.fullmatch(as_name(url, at))
    if match is None:
        raise unserved(
            at,
            "it must be https:// and the host's name in lower case, without user, port or final dot.",
        )
    return match[1]


def _read_headers(tool: dict[str, Any], path: str) -> None:
    """Those that the upstream is to send to an MCP server, `authorization` among them."""
    at = f"{path}.headers"
    headers = as_object(tool.get("headers") or {}, at)
    if not all(map(_HEADER.fullmatch, headers)):
        raise unserved(at, "one of them is no header, or names another host or target.")
    for value in (*headers.values(), tool.get("authorization")):
        if value is not None and not _HEADER_VALUE.fullmatch(as_name(value, at)):
            raise unserved(at, "the value of each, and authorization, is one line of ASCII.")


def read_tool_choice(choice: Any, needs: Needs, path: str = "tool_choice") -> None:
    """A choice of a function passes; a choice of another tool needs what the tool needs."""
    if choice is None or isinstance(choice, str):
        if choice not in (None, "none", "auto", "required"):
            needs.add(built_in(as_name(choice, path), path), path)
        return
    kind = as_name(as_object(choice, path).get("type"), f"{path}.type")
    if kind in _OWN:
        only(choice, frozenset({"type", "name", kind}), path)
    elif kind == "allowed_tools":
        only(choice, frozenset({"type", "mode", "tools", kind}), path)
        for holder, at in ((choice, path), (choice.get(kind) or {}, f"{path}.{kind}")):
            chosen = as_list(as_object(holder, at).get("tools"), f"{at}.tools")
            for index, each in enumerate(chosen):
                read_tool_choice(as_object(each, f"{at}.tools"), needs, f"{at}.tools.{index}")
    elif kind == "mcp":
        only(choice, frozenset({"type", "server_label", "name"}), path)
        needs.add(MCP, f"{path}.type")
    else:
        only(choice, frozenset({"type"}), path)
        needs.add(built_in(kind, f"{path}.type"), f"{path}.type")


def read_compound(custom: Any, needs: Needs) -> None:
    """`compound_custom.tools`: each tool that it switches on needs its permission."""
    path = "compound_custom.tools"
    tools = as_object(custom, "compound_custom").get("tools")
    if tools is None:
        return
    only(as_object(tools, path), frozenset({"enabled_tools", "wolfram_settings"}), path)
    for index, name in enumerate(as_list(tools.get("enabled_tools"), f"{path}.enabled_tools")):
        at = f"{path}.enabled_tools.{index}"
        needs.add(built_in(as_name(name, at), at), at)
    if tools.get("wolfram_settings") is not None:
        needs.add("wolfram_alpha", f"{path}.wolfram_settings")
