"""`pulumi-groq init`: a project to begin with, or one that takes over what a gateway holds."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import Any, Final

import click

from pulumi_groq.access import read_access
from pulumi_groq.access.schema import FILE_NAME, schema_text
from pulumi_groq.access.writing import access_text
from pulumi_groq.catalogue import Catalogue, did_you_mean
from pulumi_groq.cli.connection import CONNECTION_HELP, admin_client
from pulumi_groq.cli.existing import Existing, existing, take_over_rights
from pulumi_groq.cli.litellm import litellm_access
from pulumi_groq.cli.numbers import FiniteRange
from pulumi_groq.cli.progress import reading
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.errors import AccessFileError, InsufficientRoleError, NotFoundError
from pulumi_groq.models.fields import LARGEST_AMOUNT_USD
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.phrases import counted

_STARTER: Final = files("pulumi_groq.cli") / "starter"
_COPIED: Final = {
    "stacks/__main__.py": "program.txt",
    "stacks/groq_access.py": "groq_access.txt",
    ".github/workflows/groq-preview.yml": "preview.yml",
    ".github/workflows/groq-deploy.yml": "deploy.yml",
    ".github/workflows/groq-nightly.yml": "nightly.yml",
}
"""File of the project -> where its text lies in the package."""

_LOCAL_GATEWAY: Final = (
    "pip install 'pulumi-groq[gateway]'   # a gateway of your own, on this machine",
    "export GROQ_ADMIN_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')",
    "export GROQ_ADMIN_BASE_URL=http://127.0.0.1:8700",
    "pulumi-groq serve &",
)
_VALUES: Final = "pulumi stack output api_keys --show-secrets   # the keys' values"
_MOST_LEFT_OUT: Final = 100  # lines
_CAP: Final = FiniteRange(0, float(LARGEST_AMOUNT_USD), min_open=True)
_PROJECT: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # what Pulumi accepts

_EPILOG: Final = f"""\
It asks for what no option says when a person sits at the terminal, and takes the defaults
otherwise. It writes nothing where one of its files exists already.

{CONNECTION_HELP.replace("Settings come", "With --from-gateway, settings come")}"""


@click.command("init", short_help="Write a project to begin with.", epilog=_EPILOG)
@click.argument("folder", type=click.Path(path_type=Path), default=Path(), metavar="[FOLDER]")
@click.option("--project", metavar="NAME", help="The Pulumi project's name (default: groq-access).")
@click.option("--team", metavar="NAME", help="The first team (default: my-team).")
@click.option("--key", metavar="NAME", help="Its first key (default: my-app).")
@click.option("--model", "models", multiple=True, metavar="ID", help="A model it may call; repeatable.")
@click.option("--monthly-cap-usd", type=_CAP, help="The organisation's cap (default: 100).")
@click.option("--from-gateway", is_flag=True, help="Declare what the gateway holds and no stack declares.")
@click.option(
    "--from-litellm",
    "litellm_keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Declare the keys of LiteLLM's /key/list?return_full_object=true, saved to FILE.",
)
@click.option(
    "--litellm-teams",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The teams of those keys: LiteLLM's /team/list, saved to FILE.",
)
def init(
    *,
    folder: Path,
    project: str | None,
    team: str | None,
    key: str | None,
    models: tuple[str, ...],
    monthly_cap_usd: float | None,
    from_gateway: bool,
    litellm_keys: Path | None,
    litellm_teams: Path | None,
) -> None:
    """Write a project into FOLDER (default: here): access.yaml, its schema, program, workflows."""
    named = _answer("Name of the Pulumi project", project, "groq-access")
    if not _PROJECT.fullmatch(named):
        raise UnusableSettingError("--project must be 1 to 100 letters, digits, hyphens, underscores or dots")
    if from_gateway or litellm_keys or litellm_teams:
        given = [team, key, monthly_cap_usd, *models]
        if any(value is not None for value in given):
            raise UnusableSettingError("--from-... declares what exists: leave the other options out")
        if from_gateway == bool(litellm_keys) or (litellm_teams and not litellm_keys):
            raise UnusableSettingError(
                "give --from-gateway, or --from-litellm with or without --litellm-teams"
            )
        held = litellm_access(litellm_keys, litellm_teams, Catalogue.load()) if litellm_keys else _held()
        _require_anything(held)
        access = access_text(
            held.teams,
            held.spend_policy,
            admin_keys=held.admin_keys,
            workload_identities=held.workload_identities,
            comments=held.comments,
        )
    else:
        held = None
        access = _new_access(team, key, models, monthly_cap_usd)
    _check(access)
    _write(folder, _files(named, access))
    _tell(folder, held, has_gateway=from_gateway)


def _answer(question: str, given: Any, default: Any, kind: click.ParamType[Any] | None = None) -> Any:
    if given is not None or not sys.stdin.isatty():
        return default if given is None else given
    return click.prompt(question, default=default, type=kind, err=True)


def _new_access(
    team: str | None, key: str | None, models: tuple[str, ...], monthly_cap_usd: float | None
) -> str:
    named_team = _answer("Name of the first team", team, "my-team")
    named_key = _answer("Name of its first key", key, "my-app")
    asked = _answer("Models that it may call", ",".join(models) or None, "openai/gpt-oss-20b")
    cap = _answer("US dollars that the organisation may spend a month", monthly_cap_usd, 100.0, _CAP)
    limits = {"requests_per_minute": 60, "tokens_per_minute": 100_000}
    allowed = [model.strip() for model in asked.split(",")]
    _tell_unpriced(allowed)
    return access_text(
        {
            named_team: {
                "allowed_models": allowed,
                "keys": {named_key: {**limits, "rotation": {"every_days": 90}}},
            }
        },
        {"monthly_cap_usd": int(cap) if cap.is_integer() else cap, "auto_pause": True},
    )


def _tell_unpriced(models: Sequence[str]) -> None:
    priced = Catalogue.load().priced
    for model in models:
        if model and model not in priced:
            meant = did_you_mean(model, priced)
            told = f"{visible(model)} is not in the price list{meant}: a gateway refuses it without a price"
            click.echo(told, err=True)


def _held() -> Existing:
    with admin_client() as client:
        with reading() as shown:
            keys = tuple(shown.counted("keys", client.list_keys()))
        try:
            policy = client.get_spend_policy()
        except NotFoundError:
            policy = None
        found = existing(keys, client.list_teams(), policy)
        try:
            take_over_rights(client.list_admin_keys(), client.list_workload_identities(), found)
        except InsufficientRoleError as refused:
            found.left_out.append(f"admin keys and workload identities: {refused}")
        return found


def _tell_left_out(held: Existing) -> None:
    for line in held.left_out[:_MOST_LEFT_OUT]:
        click.echo(f"left out: {visible(line)}")
    more = len(held.left_out) - _MOST_LEFT_OUT
    if more > 0:
        click.echo(f"and {more:,} more left out")


def _require_anything(held: Existing) -> None:
    if held.teams or held.spend_policy or held.admin_keys or held.workload_identities:
        return
    _tell_left_out(held)
    why = "all of it is left out" if held.left_out else "there is no key, team or policy"
    raise UnusableSettingError(f"nothing to declare: {why}")


def _check(access: str) -> None:
    """What is written is read first: an answer that no access file may have is told by its line."""
    try:
        read_access(access.encode(), "access.yaml")
    except AccessFileError as error:
        raise UnusableSettingError(f"nothing is written, for it would not be usable: {error}") from None


def _files(project: str, access: str) -> dict[str, str]:
    copied = {name: (_STARTER / source).read_text("utf-8") for name, source in _COPIED.items()}
    return {
        "Pulumi.yaml": (
            f"name: {project}\ndescription: Groq API keys, limits and the spending policy of the teams in "
            "stacks/access.yaml\nruntime: python\nmain: stacks/\nstackConfigDir: stacks\n"
        ),
        "requirements.txt": f"pulumi-groq[cli]=={version('pulumi-groq')}\n",
        "stacks/access.yaml": access,
        f"stacks/{FILE_NAME}": schema_text(),
        **copied,
    }


def _write(folder: Path, made: Mapping[str, str]) -> None:
    there = [name for name in made if os.path.lexists(folder / name)]
    if there:
        raise UnusableSettingError(
            f"{folder / there[0]} exists, and nothing is overwritten: name an empty folder, or move it away "
            f"({len(there)} of {len(made)} files exist)"
        )
    with ExitStack() as undo:
        try:
            for name, text in made.items():
                _make_folder((folder / name).parent, undo)
                with (folder / name).open("x", encoding="utf-8") as file:
                    undo.callback((folder / name).unlink)
                    file.write(text)
        except OSError as error:
            reason = (error.strerror or "unwritable").lower()
            raise UnusableSettingError(f"{error.filename}: cannot be written: {reason}") from None
        undo.pop_all()
    for name in made:
        click.echo(f"wrote {folder / name}")


def _make_folder(folder: Path, undo: ExitStack) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent, undo)
        folder.mkdir()
        undo.callback(folder.rmdir)


def _tell(folder: Path, held: Existing | None, *, has_gateway: bool) -> None:
    if held is not None:
        keys = sum(len(team.get("keys", {})) for team in held.teams.values())
        told = f"{counted(keys, 'key')} in {counted(len(held.teams), 'team')}, {held.adopted:,} to take over"
        click.echo(f"\n{told}")
        rights = (len(held.admin_keys), len(held.workload_identities))
        if any(rights):
            identities = f"{rights[1]:,} workload {'identity' if rights[1] == 1 else 'identities'}"
            click.echo(f"{counted(rights[0], 'admin key')} and {identities} to take over")
        _tell_left_out(held)
    steps = [
        *([] if folder == Path() else [f"cd {quote(str(folder))}"]),
        "pip install -r requirements.txt",
        *([] if has_gateway else _LOCAL_GATEWAY),
        "pulumi login --local   # or where your state is kept",
        "pulumi stack init dev",
        "pulumi-groq review     # what a run would do",
        "pulumi up",
        *([] if held is not None and held.adopted else [_VALUES]),
    ]
    click.echo("\nNext:")
    for step in steps:
        click.echo(f"  {step}")
