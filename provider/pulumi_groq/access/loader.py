"""Reads an access file; every problem in it is reported at once, with its line."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path as FilePath

from pydantic_core import ErrorDetails

from pulumi_groq.access.document import LARGEST_FILE_BYTES, Node, parse
from pulumi_groq.access.model import Access, DeclaredKey, DeclaredSpendPolicy, DeclaredTeam
from pulumi_groq.access.problems import Path, Problems, reworded
from pulumi_groq.access.reading import Reading
from pulumi_groq.errors import AccessFileError
from pulumi_groq.models.fields import json_number
from pulumi_groq.models.markers import SECRET, marked
from pulumi_groq.models.spend_policy import SpendPolicySettings

_FROM_POSITION = frozenset({"name", "team", "line"})
_SECRETS = marked(SpendPolicySettings, SECRET)
_UNKNOWN_MODELS = ["unknown"]  # what the keys of a team inherit whose own list is unusable


def load_access(path: FilePath) -> Access:
    """The declarations in the file at `path`.

    Raises AccessFileError, with one line for each problem: `access.yaml:12: teams.chatbot...: must be ...`.
    """
    content = content_of(path, "check groq:accessFile")
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
            self._problems.fail(root.line, (), "is empty; declare teams, a spend_policy, or both")
        fields = self._mapping(root, (), {"teams", "spend_policy"})
        teams: list[DeclaredTeam] = []
        keys: list[DeclaredKey] = []
        for name, node in self._entries(fields.get("teams"), ("teams",)):
            team, its_keys = self._team(name, node)
            teams.extend(team)
            keys.extend(its_keys)
        policy = self._spend_policy(fields["spend_policy"]) if "spend_policy" in fields else None
        return Access(tuple(teams), tuple(keys), policy, tuple(self._warnings(keys, policy)))

    def _team(self, name: str, node: Node) -> tuple[list[DeclaredTeam], list[DeclaredKey]]:
        path: Path = ("teams", name)
        fields = self._mapping(node, path, {*DeclaredTeam.model_fields, "keys"} - _FROM_POSITION)
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
        fields = self._mapping(node, path, set(DeclaredKey.model_fields) - _FROM_POSITION)
        inherited = {
            "allowed_models": team.allowed_models if team else _UNKNOWN_MODELS,
            "allowed_tools": team.allowed_tools if team else [],
        }
        given = {"line": node.line, "name": name, "team": team_name, **inherited}
        key = self._model(DeclaredKey, fields, node, path, given)
        if key is None or team is None:
            return None
        for field in inherited:
            bounds = getattr(team, field)
            for index, item in enumerate(getattr(key, field)):
                if item not in bounds:
                    at: Path = (*path, field, index)
                    whose = f"the team's {field.removeprefix('allowed_')}"
                    line = node.line_at((field, index))
                    self._problems.add(line, at, f"must be one of {whose}; {item} is not")
        return key

    def _spend_policy(self, node: Node) -> DeclaredSpendPolicy | None:
        path: Path = ("spend_policy",)
        fields = self._mapping(node, path, set(DeclaredSpendPolicy.model_fields) - _FROM_POSITION)
        for name in sorted(_SECRETS & fields.keys()):
            line = fields.pop(name).line
            self._problems.add(line, (*path, name), f"is a secret; set it with {_set_command(name)} instead")
        return self._model(DeclaredSpendPolicy, fields, node, path, {"line": node.line})

    def _report(self, error: ErrorDetails, node: Node, path: Path) -> None:
        match error["loc"][0]:
            case "team":
                pass  # it has its own line
            case "name":
                self._problems.add(node.line, path, f"its name {reworded(error)}")
            case _:
                super()._report(error, node, path)

    def _warnings(self, keys: Sequence[DeclaredKey], policy: DeclaredSpendPolicy | None) -> Iterator[str]:
        budgets = sum(key.monthly_budget_usd or Decimal(0) for key in keys)
        if policy and budgets > policy.monthly_cap_usd:
            yield (
                f"{self._problems.file}:{policy.line}: spend_policy.monthly_cap_usd: "
                f"{json_number(policy.monthly_cap_usd)} is less than the keys' budgets together "
                f"({json_number(Decimal(budgets))}); the cap can be reached while budgets are left"
            )


def _set_command(field: str) -> str:
    first, *rest = field.split("_")
    setting = first + "".join(word.capitalize() for word in rest)
    return f"pulumi config set --secret groq:{setting}"
