"""The permissions that one request needs, with the field that each is for."""

from collections.abc import Mapping
from typing import Any, Final

from pulumi_groq.gateway.http.refusal import PERMISSIONS, Refusal, bad_request

CODE: Final = "tool_not_allowed"
Reach = Mapping[str, str]
"""Permission -> the first field that needs it. Empty for what the body holds whole."""


class Needs(dict[str, str]):
    """Collects a `Reach`."""

    def add(self, permission: str, path: str) -> None:
        """The field at `path` needs `permission`."""
        self.setdefault(permission, path)


def unserved(path: str, why: str) -> Refusal:
    """403 for what no permission allows."""
    return Refusal(403, PERMISSIONS, f"{path} is not allowed: {why}", code=CODE, param=path)


def not_permitted(permission: str, path: str) -> Refusal:
    """403 for what this key, or its team, is not permitted."""
    return Refusal(
        403,
        PERMISSIONS,
        f"{path} needs `{permission}`, which is not among the allowed_tools of this API key and its team. "
        "Leave the field out, or have it allowed.",
        code=CODE,
        param=path,
    )


def unknown_field(path: str) -> Refusal:
    """400: an unknown field may make the upstream do anything."""
    return bad_request(
        f"{path} is no field that this gateway knows, so it cannot tell what it would cost. "
        "Correct its name, or leave it out.",
        param=path,
        code="unknown_field",
    )


def only(holder: Mapping[str, Any], known: frozenset[str], path: str) -> None:
    """Raises `Refusal` where `holder`, which stands at `path`, has a field that is not `known`."""
    if not holder.keys() <= known:
        raise unknown_field(under(path, min(holder.keys() - known)))


def under(path: str, step: object) -> str:
    """The path of a field below `path`."""
    return f"{path}.{step}" if path else str(step)


def as_object(value: Any, path: str) -> dict[str, Any]:
    """`value`, which must be an object."""
    if not isinstance(value, dict):
        raise bad_request(f"{path} must be an object.", param=path)
    return value


def as_list(value: Any, path: str) -> list[Any]:
    """`value`, which must be a list; `None` is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise bad_request(f"{path} must be a list.", param=path)
    return value


def as_name(value: Any, path: str) -> str:
    """`value`, which must be text: the type of something."""
    if not isinstance(value, str):
        raise bad_request(f"{path} must be text.", param=path)
    return value
