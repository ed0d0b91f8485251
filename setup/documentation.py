"""Writes the parts of the documentation that the code knows: the commands' options, and tables of fields.

`docs/commands.md` is written whole. In other pages a table stands between `<!-- fields: NAME -->` and
`<!-- end -->`, where NAME is one of `TABLES`.

    python setup/documentation.py [--check] [FOLDER]

With --check nothing is written: exit code 1, and the pages that differ on stderr.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import click
from checkout import ROOT
from pydantic import BaseModel

from pulumi_groq.access.model import (
    DeclaredAdminKey,
    DeclaredIdentity,
    DeclaredKey,
    DeclaredSpendPolicy,
    DeclaredTeam,
)
from pulumi_groq.cli.main import commands
from pulumi_groq.lifecycle.admin_key import AdminKeyArgs, AdminKeyState
from pulumi_groq.lifecycle.key_state import ApiKeyArgs, ApiKeyState
from pulumi_groq.lifecycle.spend_policy import SpendPolicyArgs, SpendPolicyState
from pulumi_groq.lifecycle.team import TeamArgs, TeamState
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityArgs, WorkloadIdentityState
from pulumi_groq.models.admin_key import AdminKeyCreate, AdminKeyCreated
from pulumi_groq.models.api_key import ApiKeyCreate, ApiKeyCreated
from pulumi_groq.models.markers import BY_PLACE, marked
from pulumi_groq.models.role import NAMES_TEAMS, AdminRole
from pulumi_groq.models.rotation import FreezeWindow, RotationSchedule
from pulumi_groq.models.runaway import RunawayGuard
from pulumi_groq.models.spend_policy import SpendPolicy, SpendPolicySettings, SpendStatus
from pulumi_groq.models.team import Team, TeamSettings
from pulumi_groq.models.usage import BudgetUse, KeyUsage
from pulumi_groq.models.workload_identity import WorkloadIdentitySettings
from pulumi_groq.policy.roles import OF_A_TEAM, RIGHTS, WORDS, AdminIdentity, Need
from pulumi_groq.reports.guardrails.rules import RuleBase, Waiver

WIDTH: Final = 100
_INTERNAL: Final = frozenset({"managed_by", "declared_as"})  # the resources fill these in themselves
_SECRETS: Final = frozenset({"alert_webhook_urls", "alert_webhook_signing_secret"})  # never in an access file


class Table(NamedTuple):
    """The fields of `model` but those in `left_out`. `written` ones are what people write: they are told
    which have to be there, and those of `filled_in` never have to.
    """

    model: type[BaseModel]
    left_out: frozenset[str] = frozenset()
    filled_in: frozenset[str] = frozenset()
    written: bool = True


def _in_access_file(
    model: type[BaseModel], left_out: frozenset[str] = frozenset(), filled_in: frozenset[str] = frozenset()
) -> Table:
    """What an access file has of `model`: not what is said by where a thing stands."""
    return Table(model, marked(model, BY_PLACE) | left_out, filled_in)


def _beyond(model: type[BaseModel], known: type[BaseModel]) -> Table:
    """What `model` answers beyond the fields of `known`."""
    return Table(model, frozenset(known.model_fields), written=False)


TABLES: Final[Mapping[str, Table]] = {
    "GroqApiKey": Table(ApiKeyArgs, _INTERNAL, frozenset({"name"})),
    "GroqApiKey-outputs": _beyond(ApiKeyState, ApiKeyArgs),
    "GroqAdminKey": Table(AdminKeyArgs, _INTERNAL, frozenset({"name"})),
    "GroqAdminKey-outputs": _beyond(AdminKeyState, AdminKeyArgs),
    "GroqTeam": Table(TeamArgs, _INTERNAL, frozenset({"team_name"})),
    "GroqTeam-outputs": _beyond(TeamState, TeamArgs),
    "GroqWorkloadIdentity": Table(WorkloadIdentityArgs, _INTERNAL, frozenset({"identity_name"})),
    "GroqWorkloadIdentity-outputs": _beyond(WorkloadIdentityState, WorkloadIdentityArgs),
    "GroqSpendPolicy": Table(SpendPolicyArgs, _INTERNAL),
    "GroqSpendPolicy-outputs": _beyond(SpendPolicyState, SpendPolicyArgs),
    "rotation": Table(RotationSchedule),
    "freeze-window": Table(FreezeWindow),
    "runaway": Table(RunawayGuard),
    "access-team": _in_access_file(DeclaredTeam),
    "access-key": _in_access_file(DeclaredKey, filled_in=frozenset({"allowed_models"})),
    "access-spend-policy": _in_access_file(DeclaredSpendPolicy, _SECRETS),
    "access-admin-key": _in_access_file(DeclaredAdminKey),
    "access-workload-identity": _in_access_file(DeclaredIdentity),
    "key-body": Table(ApiKeyCreate),
    "key-answer": _beyond(ApiKeyCreated, ApiKeyCreate),
    "admin-key-body": Table(AdminKeyCreate),
    "admin-key-answer": _beyond(AdminKeyCreated, AdminKeyCreate),
    "team-body": Table(TeamSettings),
    "team-answer": _beyond(Team, TeamSettings),
    "workload-identity-body": Table(WorkloadIdentitySettings),
    "spend-policy-body": Table(SpendPolicySettings),
    "spend-policy-answer": _beyond(SpendPolicy, SpendPolicySettings),
    "policy-rule": Table(RuleBase),
    "policy-waiver": Table(Waiver),
    "spend-status": Table(SpendStatus, written=False),
    "budget-use": Table(BudgetUse, written=False),
    "key-usage": Table(KeyUsage, written=False),
}

_ROLES: Final = re.compile(r"(<!-- roles -->\n).*?(<!-- end -->)", re.DOTALL)
_TABLE: Final = re.compile(r"(<!-- fields: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages(folder: Path) -> dict[Path, str]:
    """The pages of `folder` as they have to be."""
    made = {folder / "commands.md": _commands_page()}
    for page in sorted(folder.glob("*.md")):
        if page not in made:
            with_roles = _ROLES.sub(lambda found: found[1] + _roles() + found[2], page.read_text("utf-8"))
            made[page] = _TABLE.sub(lambda found: found[1] + _table(TABLES[found[2]]) + found[3], with_roles)
    return made


def _commands_page() -> str:
    parts = [
        "# Commands\n\nWhat `--help` says of each command. `make docs` writes this page.\n",
        *(f"## `{name}`\n\n```text\n{text}\n```\n" for name, text in _helps(commands, None)),
    ]
    return "\n".join(parts)


def _helps(command: click.Command, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    name = command.name if parent else "pulumi-groq"
    context = click.Context(
        command,
        parent,
        name,
        terminal_width=WIDTH,
        help_option_names=["-h", "--help"],
        max_content_width=WIDTH,
    )
    with context:
        text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        yield context.command_path, text
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                yield from _helps(command.commands[below], context)


def _roles() -> str:
    """What each role may do, from the table that the gateway asks."""
    heads = [f"`{role}`" for role in RIGHTS]
    rows = [
        "| " + " | ".join([WORDS[need], *(_right(role, need) for role in RIGHTS)]) + " |"
        for need in get_args(Need)
    ]
    return "\n".join([f"| may | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|", *rows, ""])


def _right(role: AdminRole, need: Need) -> str:
    everywhere = need in RIGHTS[role]
    of_a_team = AdminIdentity("", role, frozenset({"one"})).may(need)
    if not everywhere:
        return ""
    if NAMES_TEAMS[role] == "never" or (of_a_team and need not in OF_A_TEAM):
        return "yes"
    if NAMES_TEAMS[role] == "must":
        return "of its teams"
    return "yes, or of its teams" if of_a_team else "yes, if for all teams"


def _table(table: Table) -> str:
    shapes = table.model.model_json_schema()["properties"]
    rows = []
    for name, field in table.model.model_fields.items():
        if name in table.left_out:
            continue
        needed = table.written and field.is_required() and name not in table.filled_in
        first = f"`{name}` (required)" if needed else f"`{name}`"
        rows.append(f"| {first} | {_kind(shapes[name])} | {field.description} |")
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows, ""])


_PLAIN: Final = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "string": "text",
}


def _kind(shape: Mapping[str, Any]) -> str:
    if "anyOf" in shape:
        kinds = [_kind(one) for one in shape["anyOf"] if one.get("type") != "null"]
        return " or ".join(kinds)
    if "const" in shape:
        return f'`"{shape["const"]}"`' if isinstance(shape["const"], str) else f"`{shape['const']}`".lower()
    if "enum" in shape:
        *first, last = (f'`"{value}"`' for value in shape["enum"])
        return f"{', '.join(first)} or {last}"
    if shape.get("type") == "array":
        return f"list of {_plural(_kind(shape['items']))}"
    if shape.get("format") == "date-time":
        return "time"
    return _PLAIN[shape.get("type", "object")]


def _plural(kind: str) -> str:
    return kind if kind == "text" else f"{kind}s"


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description="Write what the code knows into the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page differs")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    asked = parser.parse_args()
    stale = [
        (page, text)
        for page, text in pages(asked.folder).items()
        if not page.exists() or page.read_text("utf-8") != text
    ]
    for page, text in stale:
        if asked.check:
            sys.stderr.write(f"{page.name} differs from the code: make docs\n")
        else:
            page.write_text(text, encoding="utf-8")
    return 1 if stale and asked.check else 0


if __name__ == "__main__":
    sys.exit(main())
