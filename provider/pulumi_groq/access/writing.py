"""Declarations as the text of an access file: what `load_access` reads back as the same."""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from pulumi_groq.access.schema import FIRST_LINE
from pulumi_groq.models.visibility import is_visible

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NAMED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})  # to some readers
_HEAD: Final = (
    FIRST_LINE,
    "# Who may use Groq, and how much. Every change here is reviewed, then applied by `pulumi up`.",
    '# A limit that is left out is the server\'s default; "unlimited" switches it off.',
)

Fields = Mapping[str, Any]
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def access_text(
    teams: Mapping[str, Fields],
    spend_policy: Fields | None,
    *,
    admin_keys: Mapping[str, Fields] = _NOTHING,
    workload_identities: Mapping[str, Fields] = _NOTHING,
    comments: Mapping[str, str] = _NOTHING,
) -> str:
    """The text of an access file. What has a name is by it, a team's `keys` too; values are JSON's.

    `comments` are lines for teams, by the team's name.
    """
    lines = [*_lines(teams, spend_policy, comments)]
    lines += _part("Who may change all of this.", "admin_keys", admin_keys)
    lines += _part("Whose OIDC tokens are trusted, and what for.", "workload_identities", workload_identities)
    return "\n".join((*_HEAD, "", *lines)) + "\n"


def _part(comment: str, name: str, entries: Mapping[str, Fields]) -> Iterator[str]:
    if entries:
        yield from ("", f"# {comment}", f"{name}:")
    for entry, fields in entries.items():
        yield f"  {_scalar(entry)}:"
        yield from _fields(fields, 4)


def _lines(
    teams: Mapping[str, Fields], spend_policy: Fields | None, comments: Mapping[str, str]
) -> Iterator[str]:
    if teams:
        yield "teams:"
    for name, team in teams.items():
        if name in comments:
            yield f"  # {comments[name]}"
        yield f"  {_scalar(name)}:"
        yield from _fields(team, 4, but="keys")
        if team.get("keys"):
            yield "    keys:"
        for key, fields in team.get("keys", {}).items():
            yield f"      {_scalar(key)}:" if fields else f"      {_scalar(key)}: {{}}"
            yield from _fields(fields, 8)
        yield ""
    if spend_policy is not None:
        yield from ("# The whole organisation, per calendar month (UTC).", "spend_policy:")
        yield from _fields(spend_policy, 2)


def _fields(fields: Fields, indent: int, but: str = "") -> Iterator[str]:
    for name, value in fields.items():
        if name != but:
            yield f"{' ' * indent}{name}: {_flow(value)}"


def _flow(value: Any) -> str:
    match value:
        case str():
            return _scalar(value)
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case dict():
            return f"{{{', '.join(f'{_scalar(name)}: {_flow(below)}' for name, below in value.items())}}}"
        case float():
            return f"{Decimal(str(value)).normalize():f}"
    return json.dumps(value)


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NAMED
    if plain:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(each if is_visible(each) else f"\\U{ord(each):08x}" for each in quoted)
