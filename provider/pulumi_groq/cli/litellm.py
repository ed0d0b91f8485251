"""LiteLLM's list of keys as declarations: names, models, limits, budgets and teams, never a key's value.

The shapes are those of LiteLLM's `GET /key/list?return_full_object=true` and `GET /team/list`; what is not
read here is ignored.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pulumi_groq.access import read_access
from pulumi_groq.access.writing import access_text
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.cli.existing import WITHOUT_TEAM, Existing
from pulumi_groq.cli.progress import waiting
from pulumi_groq.cli.pulumi_cli import read_document
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.errors import AccessFileError
from pulumi_groq.models.fields import json_number, wire_time

_MONTHS: Final = frozenset({"30d", "31d", "1mo", "monthly"})
_ALL_OF_THE_TEAM: Final = "all-team-models"
_MOST_LABELS: Final = 16


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class LiteLlmKey(_Lenient):
    """One key of the list."""

    token: str = Field(default="", repr=False)
    key_alias: str | None = None
    team_id: str | None = None
    models: list[str] = Field(default_factory=list)
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    max_budget: Decimal | None = None
    budget_duration: str | None = None
    expires: datetime | None = None
    blocked: bool | None = None
    metadata: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """The alias, or a name from the key's hash where it has none."""
        return self.key_alias or f"litellm-{self.token[:8]}"


class LiteLlmTeam(_Lenient):
    """One team of the list."""

    team_id: str
    team_alias: str | None = None
    models: list[str] = Field(default_factory=list)


class _KeyList(_Lenient):
    keys: list[LiteLlmKey]
    total_pages: int = 1


ReadT = TypeVar("ReadT")


def litellm_access(keys_file: Path, teams_file: Path | None, catalogue: Catalogue) -> Existing:
    """What the files declare, in this package's terms. Raises UnusableSettingError: file, what, why."""
    with waiting("reading LiteLLM's keys"):
        return _litellm_access(keys_file, teams_file, catalogue)


def _litellm_access(keys_file: Path, teams_file: Path | None, catalogue: Catalogue) -> Existing:
    listed = _read(keys_file, TypeAdapter(_KeyList), "/key/list?return_full_object=true")
    if listed.total_pages > 1:
        raise UnusableSettingError(
            f"{keys_file} is one page of {listed.total_pages}: join the `keys` of all pages into one file"
        )
    teams = _read(teams_file, TypeAdapter(list[LiteLlmTeam]), "/team/list") if teams_file else []
    return declared(listed.keys, teams, catalogue)


def _read(file: Path, shape: TypeAdapter[ReadT], source: str) -> ReadT:
    try:
        return shape.validate_json(read_document(str(file)))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(str(part) for part in first["loc"])
        where = f" at {at}: {first['msg']}" if at else f": {first['msg']}"
        raise UnusableSettingError(f"{file} is not what LiteLLM's {source} answers{where}") from None


def declared(keys: Sequence[LiteLlmKey], teams: Sequence[LiteLlmTeam], catalogue: Catalogue) -> Existing:
    """The declarations; what has no equal here is told in `left_out`, a line each."""
    found = Existing()
    named = {team.team_id: team.team_alias or team.team_id for team in teams}
    team_models = {
        named[team.team_id]: _models(f"team {named[team.team_id]}", team.models, catalogue, found)
        for team in teams
    }
    taken: set[str] = set()
    for key in keys:
        what = f"key {key.name}"
        team_name = named.get(key.team_id, key.team_id) if key.team_id else WITHOUT_TEAM
        own = [model for model in key.models if model != _ALL_OF_THE_TEAM]
        models = _models(what, own, catalogue, found) if own else team_models.get(team_name, [])
        if key.name in taken or not models:
            why = (
                "another key has its name"
                if key.name in taken
                else "no model that Groq serves is named for it"
            )
            found.left_out.append(f"{what}: {why}")
            continue
        made = {"allowed_models": sorted(set(models)), **dict(_fields(key, found))}
        why_not = _refused(team_name, key.name, made)
        if why_not:
            found.left_out.append(f"{what}: {why_not}")
            continue
        taken.add(key.name)
        bounds = [*team_models.get(team_name, []), *models]
        team = found.teams.setdefault(team_name, {"allowed_models": [], "keys": {}})
        team["allowed_models"] = sorted({*team["allowed_models"], *bounds})
        team["keys"][key.name] = made
    if WITHOUT_TEAM in found.teams:
        found.comments[WITHOUT_TEAM] = "Keys that had no team: move each to the team that uses it."
    return found


def _refused(team: str, name: str, made: dict[str, Any]) -> str | None:
    """Why an access file cannot have the key."""
    text = access_text({team: {"allowed_models": made["allowed_models"], "keys": {name: made}}}, None)
    try:
        read_access(text.encode("utf-8", "backslashreplace"), "")
    except AccessFileError as error:
        return str(error).splitlines()[0].partition(": ")[2]
    return None


def _models(what: str, named: Sequence[str], catalogue: Catalogue, found: Existing) -> list[str]:
    """The models among `named` that Groq serves, by Groq's own ids."""
    ids = [name.removeprefix("groq/") for name in named]
    found.left_out += [
        f"{what}: model {model}, which Groq does not serve" for model in ids if not catalogue.get(model)
    ]
    return [model for model in ids if catalogue.get(model)]


def _fields(key: LiteLlmKey, found: Existing) -> Iterator[tuple[str, Any]]:
    limits = (("requests_per_minute", key.rpm_limit), ("tokens_per_minute", key.tpm_limit))
    for name, limit in limits:
        if limit is not None and limit > 0:
            yield name, limit
        elif limit is not None:
            found.left_out.append(
                f"key {key.name}: its {name} of {limit}; `disabled: true` refuses all requests"
            )
    if key.max_budget is not None and key.max_budget > 0 and key.budget_duration in _MONTHS:
        yield "monthly_budget_usd", json_number(round(key.max_budget, 6))
    elif key.max_budget is not None:
        period = f"for {key.budget_duration}" if key.budget_duration else "for its whole life"
        found.left_out.append(
            f"key {key.name}: its budget of {key.max_budget} USD {period}; set a monthly one"
        )
    if key.expires:
        aware = key.expires if key.expires.tzinfo else key.expires.replace(tzinfo=UTC)
        yield "expires_at", wire_time(aware)
    labels = {name: text for name, text in (key.metadata or {}).items() if isinstance(text, str)}
    if labels:
        yield "metadata", dict(list(labels.items())[:_MOST_LABELS])
    if key.blocked:
        yield "disabled", True
