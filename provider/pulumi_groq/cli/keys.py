"""`pulumi-groq keys`: the keys that the gateway knows, to be read, and resumed where they are paused."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import click
from rich.table import Table

from pulumi_groq.cli.connection import CONNECTION_HELP, admin_client, table_or_json_option
from pulumi_groq.cli.progress import reading
from pulumi_groq.cli.tables import cell, new_table, print_table
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.fields import UNLIMITED
from pulumi_groq.models.workload_identity import is_identity_id
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.phrases import in_words, minute

_LONGEST: Final = 512
_LIMITS: Final = (
    "requests_per_minute",
    "tokens_per_minute",
    "requests_per_day",
    "tokens_per_day",
    "max_parallel_requests",
)


@click.group()
def keys() -> None:
    """Read API keys, and resume paused ones.

    Their values are shown by no command: only whoever creates a key gets it.
    """


@keys.command("list", epilog=CONNECTION_HELP)
@click.option("--managed-by", metavar="ORG/PROJECT/STACK", help="Only the keys of this stack.")
@click.option("--name", help="Only keys with exactly this name.")
@click.option("--team", help="Only the keys of this team.")
@click.option("--admin", is_flag=True, help="Admin keys and their roles, instead of API keys.")
@table_or_json_option
def list_keys(managed_by: str | None, name: str | None, team: str | None, admin: bool, output: str) -> None:
    """List keys, oldest first."""
    if admin:
        with admin_client() as client:
            listed = client.list_admin_keys()
        chosen = [key for key in listed if _matches(key, managed_by, name, team)]
        _render(
            output,
            [key.model_dump(mode="json") for key in chosen],
            lambda: admin_keys_table(chosen),
            lambda: narrow_admin_keys_table(chosen),
            nothing="No admin keys.",
        )
        return
    with admin_client() as client:
        each = client.list_keys(managed_by=managed_by, name=name, team=team)
        with reading() as shown:
            found = list(shown.counted("keys", each))
    _render(
        output,
        [key.model_dump(mode="json") for key in found],
        lambda: keys_table(found),
        lambda: narrow_keys_table(found),
        nothing="No keys.",
    )


@keys.command("show", epilog=CONNECTION_HELP)
@click.argument("key_id")
@table_or_json_option
def show_key(key_id: str, output: str) -> None:
    """Show everything about the key KEY_ID."""
    with admin_client() as client:
        key = client.get_key(key_id)
    _render(output, key.model_dump(mode="json"), lambda: key_table(key))


@keys.command("resume", short_help="Let a paused key go on.", epilog=CONNECTION_HELP)
@click.argument("key_id")
def resume_key(key_id: str) -> None:
    """Let the key KEY_ID go on that was paused for runaway spend, and its lineage with it.

    KEY_ID may also be the id of a workload identity (wid_...). Find out first what spent the money: from here
    on only what is spent anew counts.
    """
    with admin_client() as client:
        if is_identity_id(key_id):
            identity = client.resume_workload_identity(key_id)
            click.echo(f"workload identity {identity.name} ({identity.id}) goes on")
            return
        paused = client.get_key(key_id).paused
        key = client.resume_key(key_id)
    since = f"it was paused since {minute(paused.since)}" if paused else "it was not paused"
    click.echo(f"{key.name} ({key.id}) is {key.status}: {since}")


def _matches(key: AdminKey, managed_by: str | None, name: str | None, team: str | None) -> bool:
    wanted = ((managed_by, key.managed_by), (name, key.name))
    return all(asked in (None, held) for asked, held in wanted) and (team is None or team in key.teams)


def admin_keys_table(keys: Sequence[AdminKey]) -> Table:
    """A row for each admin key."""
    headings = ("ID", "Name", "Status", "Ends in", "Role", "Teams", "Expires", "Last used", "Managed by")
    table = new_table(*headings, whole=("ID", "Status", "Ends in"))
    for key in keys:
        teams = "\n".join(key.teams) or "all"
        expires = f"{key.expires_at:%Y-%m-%d %H:%M} UTC" if key.expires_at else "never"
        cells = [key.id, key.name, key.status, key.last_four, key.role, teams, expires]
        table.add_row(*map(cell, [*cells, _time(key), key.managed_by or ""]))
    return table


def narrow_admin_keys_table(keys: Sequence[AdminKey]) -> Table:
    """The same for few columns, without what `keys list --admin --output json` has of owners and ends."""
    table = _narrow("Key", "Status", "Role", "Expires", "Last used")
    for key in keys:
        cells = [f"{key.name}\n{key.id}", key.status, "\n".join([key.role, *key.teams])]
        cells += [f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never", _day(key)]
        table.add_row(*map(cell, cells))
    return table


def narrow_keys_table(keys: Sequence[ApiKey]) -> Table:
    """The same for few columns; limits are in `keys show`."""
    table = _narrow("Key", "Status", "Team, models", "Last used")
    for key in keys:
        cells = [f"{key.name}\n{key.id}", f"{key.status}\n…{key.last_four}"]
        cells += ["\n".join([key.team or "no team", *key.allowed_models]), _day(key)]
        table.add_row(*map(cell, cells))
    return table


def _narrow(*headings: str) -> Table:
    table = new_table(*headings, whole=("Status", "Last used"))
    table.columns[0].min_width = len("key_011m8bfbyqqcde54zas0986nfh")
    return table


def keys_table(keys: Sequence[ApiKey]) -> Table:
    """A row for each key."""
    numbers = ("RPM", "TPM", "USD/month")
    headings = ("ID", "Name", "Status", "Ends in", "Team", "Models", "Tools", *numbers, "Last used")
    table = new_table(*headings, whole=("ID", "Status", "Ends in"), right=numbers)
    for key in keys:
        lists = ["\n".join(key.allowed_models), "\n".join(key.allowed_tools)]
        cells = [key.id, key.name, key.status, key.last_four, key.team or "", *lists]
        limits = [_limit(key, name) for name in _LIMITS[:2]]
        table.add_row(*map(cell, [*cells, *limits, _budget(key), _time(key)]))
    return table


def key_table(key: ApiKey) -> Table:
    """A row for each field of the key."""
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    hidden = {"object", "effective_limits", *_LIMITS, "monthly_budget_usd", "budgets", "model_limits"}
    shown = {"id": key.id, "name": key.name} | key.model_dump(mode="json", exclude=hidden)
    for name, value in shown.items():
        table.add_row(name, cell(_text(value)))
    for name in _LIMITS:
        table.add_row(name, _limit(key, name))
    table.add_row("monthly_budget_usd", _budget(key) or "-")
    table.add_row("budgets", in_words("budgets", key.budgets))
    table.add_row("model_limits", cell(in_words("model_limits", key.model_limits)))
    return table


def _limit(key: ApiKey, name: str) -> str:
    declared, in_force = getattr(key, name), getattr(key.effective_limits, name)
    amount = UNLIMITED if in_force is None else f"{in_force:,}"
    return f"{amount} (default)" if declared is None else amount


def _budget(key: ApiKey) -> str:
    return "" if key.monthly_budget_usd is None else f"{key.monthly_budget_usd:,f}"


def _day(key: ApiKey | AdminKey) -> str:
    return f"{key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never"


def _time(key: ApiKey | AdminKey) -> str:
    return f"{key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never"


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case list():
            return ", ".join(str(item) for item in value) or "-"
        case dict():
            labels = (f"{label}={visible(str(each), _LONGEST)}" for label, each in value.items())
            return ", ".join(labels) or "-"
    return str(value)


def _render(output: str, document: Any, *layouts: Callable[[], Table], nothing: str = "") -> None:
    if output == "json":
        click.echo(json.dumps(document, indent=2))
    elif document == []:
        click.echo(nothing)
    else:
        print_table(*layouts)
