"""What reports need from outside: the gateway's facts, the access file, the catalogue."""

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import click

from pulumi_groq.access import Access, load_access
from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.catalogue import Catalogue
from pulumi_groq.cli.progress import progress
from pulumi_groq.cli.pulumi_cli import named, read_document, run_pulumi
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.errors import AccessFileError, ConfigurationError, InsufficientRoleError, NotFoundError
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.history import UsageBucket
from pulumi_groq.models.workload_identity import WorkloadIdentity
from pulumi_groq.reports.guardrails.loader import Guardrails, load_guardrails
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.stack_export import StackState, read_stack

_FOLDERS: Final = (Path("stacks"), Path())


def admin_settings() -> AdminSettings:
    """Where the gateway is, from the environment. Raises ConfigurationError."""
    return AdminSettings.from_environment(os.environ)


def live_facts(client: AdminClient, *, by_model: bool = False) -> Live:
    """Everything that the gateway knows; use by model only where that is asked for. Raises GroqError where it
    cannot be read.
    """
    with progress() as shown:
        asked = shown.add_task("asking the gateway", total=8 if by_model else 6)
        snapshot = client.snapshot()
        shown.advance(asked)
        teams = client.list_teams()
        shown.advance(asked)
        try:
            policy = client.get_spend_policy()
        except NotFoundError:
            policy = None
        except InsufficientRoleError as error:
            click.echo(f"the spending policy was not compared: {error}", err=True)
            policy = None
        shown.advance(asked)
        usage = client.usage()
        shown.advance(asked)
        models = client.models()
        shown.advance(asked)
        admin_keys, identities = rights(client)
        today_by_model: list[UsageBucket] = []
        month_by_model: list[UsageBucket] = []
        if by_model:
            today = snapshot.as_of.date()
            shown.advance(asked)
            today_by_model = _by_model(client, today, today)
            shown.advance(asked)
            month_by_model = _by_model(client, today.replace(day=1), today)
    return Live(
        as_of=snapshot.as_of,
        keys=tuple(snapshot.keys.values()),
        teams=tuple(teams),
        policy=policy,
        usage=usage,
        models=tuple(models),
        admin_keys=admin_keys,
        identities=identities,
        today_by_model=today_by_model,
        month_by_model=month_by_model,
    )


def _by_model(client: AdminClient, since: date, until: date) -> list[UsageBucket]:
    return list(client.usage_buckets(since=since, until=until, group_by=("key", "model")))


def rights(
    client: AdminClient,
) -> tuple[Sequence[AdminKey], Sequence[WorkloadIdentity]] | tuple[None, None]:
    """All admin keys and workload identities; `None` twice, and told, where the role may not read them."""
    try:
        return client.list_admin_keys(), client.list_workload_identities()
    except InsufficientRoleError as error:
        click.echo(f"admin keys and workload identities were not compared: {error}", err=True)
        return None, None


def held_stack(source: str | None, stack: str | None, folder: Path, *, secrets: bool = False) -> StackState:
    """What a stack owns: from the file `source`, from stdin (`-`), or exported here without a source.

    `secrets` has an export here show them. Raises UnusableSettingError; ClickException where pulumi fails.
    """
    if source is None:
        arguments = ["stack", "export", *(["--show-secrets"] if secrets else [])]
        text = run_pulumi(arguments, stack=stack, folder=folder, what="exporting the stack")
    else:
        text = read_document(source)
    try:
        return read_stack(text, named(source, "the stack"))
    except ConfigurationError as error:
        raise UnusableSettingError(str(error)) from None


def access_file(given: Path | None, folder: Path, stack: str) -> Path | None:
    """The access file: the one given, else the reference stack's own rule below `folder`."""
    if given is not None:
        return given
    names = (f"access.{stack}.yaml", "access.yaml")
    candidates = (folder / below / name for below in _FOLDERS for name in names)
    return next((path for path in candidates if path.is_file()), None)


def guardrails(given: Path | None, folder: Path) -> Guardrails | None:
    """The rules of policy.yaml: of the file given, else of the one in stacks/ or here; `None` without.

    Raises UnusableSettingError: file, line, why.
    """
    candidates = (folder / below / "policy.yaml" for below in _FOLDERS)
    path = given or next((path for path in candidates if path.is_file()), None)
    try:
        return load_guardrails(path, advice="check --policy") if path is not None else None
    except AccessFileError as error:
        raise UnusableSettingError(str(error)) from None


def declared_access(path: Path | None) -> Access | None:
    """What the file declares; `None` without a file. Raises UnusableSettingError: file, line, why."""
    try:
        return load_access(path, advice="check --access-file") if path is not None else None
    except AccessFileError as error:
        raise UnusableSettingError(str(error)) from None


def catalogue(price_list: Path | None) -> Catalogue:
    """Models and prices, the user's own laid over the shipped ones. Raises UnusableSettingError."""
    try:
        return Catalogue.load(price_list)
    except ConfigurationError as error:
        raise UnusableSettingError(str(error)) from None
