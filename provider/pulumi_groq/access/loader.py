"""Reads an access file; every problem in it is reported at once, with its line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from pulumi_groq.access.document import LARGEST_FILE_BYTES, Node, parse
from pulumi_groq.access.model import (
    Access,
    DeclaredAdminKey,
    DeclaredIdentity,
    DeclaredKey,
    DeclaredSpendPolicy,
    DeclaredTeam,
)
from pulumi_groq.access.problems import Path, Problems, dotted, shown
from pulumi_groq.access.reading import Reading
from pulumi_groq.errors import AccessFileError
from pulumi_groq.models.budgets import Bounded, misfits_of
from pulumi_groq.models.fields import json_number
from pulumi_groq.models.markers import BY_PLACE, SECRET, marked
from pulumi_groq.models.spend_policy import SpendPolicySettings

_PARTS = ("teams", "spend_policy", "admin_keys", "workload_identities")
_SECRETS = marked(SpendPolicySettings, SECRET)
_Named = TypeVar("_Named", DeclaredAdminKey, DeclaredIdentity)
_UNKNOWN_MODELS = ["unknown"]  # what the keys of a team inherit whose own list is unusable


def load_access(path: FilePath, *, advice: str = "check groq:accessFile") -> Access:
    """The declarations in the file at `path`; `advice` is for where there is none.

    Raises AccessFileError, with one line for each problem: `access.yaml:12: teams.chatbot...: must be ...`.
    """
    content = content_of(path, advice)
    return read_access(content, path.name)


def content_of(path: FilePath, advice: str) -> bytes:
    """What the file at `path` holds. Raises AccessFileError, ending in `advice`."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise AccessFileError(f"{path}: cannot be read: {reason}; {advice}") from None


def read_access(content: bytes, file: str) -> Access:
    """The declarations in `content`; `file` is the name that errors begin with."""
    problems = Problems(file)
    root = parse(content, problems)
    declarations = _Declarations(problems)
    access = declarations.read(root)
    problems.raise_if_any()
    return access


class _Declarations(Reading):
    """Turns the nodes of one file into models, and collects what is wrong with them."""

    def __init__(self, problems: Problems) -> None:
        super().__init__(problems)
        self._lines_of_keys: dict[str, int] = {}

    def read(self, root: Node) -> Access:
        if root.value is None or root.value == {}:
            self._problems.fail(root.line, (), f"is empty; declare {', '.join(_PARTS[:-1])} or {_PARTS[-1]}")
        fields = self._mapping(root, (), set(_PARTS))
        teams: list[DeclaredTeam] = []
        keys: list[DeclaredKey] = []
        for name, node in self._entries(fields.get("teams"), ("teams",)):
            team, its_keys = self._team(name, node)
            teams.extend(team)
            keys.extend(its_keys)
        policy = self._spend_policy(fields["spend_policy"]) if "spend_policy" in fields else None
        admin_keys = self._named(DeclaredAdminKey, fields, "admin_keys")
        identities = self._named(DeclaredIdentity, fields, "workload_identities")
        self._bound({team.name: team for team in teams}, identities, fields)
        access = Access(tuple(teams), tuple(keys), policy, tuple(admin_keys), tuple(identities))
        return replace(access, warnings=tuple(self._warnings(access)))

    def _team(self, name: str, node: Node) -> tuple[list[DeclaredTeam], list[DeclaredKey]]:
        path: Path = ("teams", name)
        fields = self._mapping(node, path, {*_written(DeclaredTeam), "keys"})
        entries = fields.pop("keys", None)
        team = self._model(DeclaredTeam, fields, node, path, {"line": node.line, "name": name})
        keys = [self._key(key, entry, name, team) for key, entry in self._entries(entries, (*path, "keys"))]
        return [team] if team else [], [key for key in keys if key]

    def _key(self, name: str, node: Node, team_name: str, team: DeclaredTeam | None) -> DeclaredKey | None:
        path: Path = ("teams", team_name, "keys", name)
        if name in self._lines_of_keys:
            earlier = self._lines_of_keys[name]
            self._problems.add(node.line, path, f"has the name of the key on line {earlier}; choose another")
        self._lines_of_keys.setdefault(name, node.line)
        fields = self._mapping(node, path, _written(DeclaredKey))
        inherited = {
            "allowed_models": team.allowed_models if team else _UNKNOWN_MODELS,
            "allowed_tools": team.allowed_tools if team else [],
        }
        given = {"line": node.line, "name": name, "team": team_name, **inherited}
        key = self._model(DeclaredKey, fields, node, path, given)
        if key is None or team is None:
            return None
        self._within(team, key, node, path)
        return key

    def _within(
        self, team: DeclaredTeam, below: DeclaredKey | DeclaredIdentity, node: Node, path: Path
    ) -> None:
        """What a team allows bounds what is below it."""
        for place, problem in misfits_of(Bounded.of(below), Bounded.of(team), "the team"):
            self._problems.add(node.line_at(place), (*path, *place), problem)
        for field in ("allowed_models", "allowed_tools"):
            bounds = getattr(team, field)
            for index, item in enumerate(getattr(below, field) or ()):
                if item not in bounds:
                    at: Path = (*path, field, index)
                    whose = f"the team's {field.removeprefix('allowed_')}"
                    line = node.line_at((field, index))
                    self._problems.add(line, at, f"must be one of {whose}; {item} is not")

    def _named(self, model: type[_Named], fields: Mapping[str, Node], part: str) -> list[_Named]:
        """What stands in `part` of the file, each under its name."""
        found: list[_Named] = []
        for name, node in self._entries(fields.get(part), (part,)):
            written = self._mapping(node, (part, name), _written(model))
            made = self._model(model, written, node, (part, name), {"line": node.line, "name": name})
            found.extend([made] if made else [])
        return found

    def _bound(
        self,
        teams: Mapping[str, DeclaredTeam],
        identities: Sequence[DeclaredIdentity],
        fields: Mapping[str, Node],
    ) -> None:
        nodes = dict(self._entries(fields.get("workload_identities"), ()))
        for identity in identities:
            team = teams.get(identity.team or "")
            if team is not None:
                path: Path = ("workload_identities", identity.name)
                self._within(team, identity, nodes[identity.name], path)

    def _spend_policy(self, node: Node) -> DeclaredSpendPolicy | None:
        path: Path = ("spend_policy",)
        fields = self._mapping(node, path, _written(DeclaredSpendPolicy))
        for name in sorted(_SECRETS & fields.keys()):
            line = fields.pop(name).line
            self._problems.add(line, (*path, name), f"is a secret; set it with {_set_command(name)} instead")
        return self._model(DeclaredSpendPolicy, fields, node, path, {"line": node.line})

    def _report(self, error: ErrorDetails, words: str, node: Node, path: Path) -> None:
        match error["loc"]:
            case ("team",) if "team" not in node.names:
                pass  # it has its own line
            case ("name",):
                self._problems.add(node.line, path, f"its name {words}")
            case _:
                super()._report(error, words, node, path)

    def _warnings(self, access: Access) -> Iterator[str]:
        file, policy = self._problems.file, access.spend_policy
        budgets = sum(Bounded.of(key).budget_by_window.get("month", Decimal(0)) for key in access.keys)
        if policy and budgets > policy.monthly_cap_usd:
            yield (
                f"{file}:{policy.line}: spend_policy.monthly_cap_usd: "
                f"{json_number(policy.monthly_cap_usd)} is less than the keys' budgets together "
                f"({json_number(Decimal(budgets))}); the cap can be reached while budgets are left"
            )
        teams = {team.name for team in access.teams}
        for line, path, named in _teams_named(access):
            if teams and named not in teams:  # a file without teams is for those of other stacks
                yield (
                    f"{file}:{line}: {dotted(path)}: names the team {shown(named)}, which this file does not "
                    "declare; is it another stack's, or misspelt?"
                )


def _teams_named(access: Access) -> Iterator[tuple[int, Path, str]]:
    """The teams that admin keys and identities name, with line and path of who names them."""
    for key in access.admin_keys:
        yield from ((key.line, ("admin_keys", key.name), team) for team in key.teams)
    for identity in access.identities:
        path: Path = ("workload_identities", identity.name)
        named = [*identity.role_teams, *([identity.team] if identity.team else [])]
        yield from ((identity.line, path, team) for team in named)


def _written(model: type[BaseModel]) -> set[str]:
    """The fields of a declaration that the file has."""
    return {*model.model_fields} - marked(model, BY_PLACE)


def _set_command(field: str) -> str:
    first, *rest = field.split("_")
    setting = first + "".join(word.capitalize() for word in rest)
    return f"pulumi config set --secret groq:{setting}"
