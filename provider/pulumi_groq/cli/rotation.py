"""`pulumi-groq rotation`: where the keys of a stack stand in their rotation."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.table import Table
from rich.text import Text

from pulumi_groq.admin import AdminClient
from pulumi_groq.cli.connection import SETTINGS_HELP, admin_client, project_options, table_or_json_option
from pulumi_groq.cli.facts import held_stack
from pulumi_groq.cli.progress import reading, waiting
from pulumi_groq.cli.tables import cell, new_table, print_table, print_text
from pulumi_groq.errors import NotFoundError
from pulumi_groq.models.admin_key import AdminKey
from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.consumer import Consumer
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.phrases import counted, minute
from pulumi_groq.reports.rotation.consumers import (
    KeyConsumers,
    consumers_json,
    key_consumers,
    late_consumers,
)
from pulumi_groq.reports.rotation.status import KeyRotation, RotationStatus, rotation_json, rotation_status

DUE: Final = 3
_CONSUMER_HEADINGS: Final = ("Name", "Value", "Key", "Address", "User agent", "Last used")
_HEADINGS: Final = ("Name", "Gen", "Key", "Age", "Next rotation", "Previous", "Retire after", "Due")

_EPILOG: Final = f"""\
Nothing is changed, and no secret is read. What is due follows from the rotation as it was last
deployed; a trigger that was changed in the program since shows in `pulumi preview`.

{SETTINGS_HELP}
Exit codes: 0 nothing is due, 1 the admin API or pulumi failed, 2 a setting or option is wrong,
3 something is due: run `pulumi up`.
"""


@click.group()
def rotation() -> None:
    """See where keys stand in their rotation. Rotating is done by `pulumi up` alone."""


@rotation.command(short_help="Show where each key stands, and what is due.", epilog=_EPILOG)
@click.argument("state", required=False, metavar="[FILE|-]")
@table_or_json_option
@click.option(
    "--consumers",
    "with_consumers",
    is_flag=True,
    help="Show who used the old and the new value last, by address and User-Agent.",
)
@project_options("export")
def status(*, state: str | None, output: str, with_consumers: bool, stack: str | None, folder: Path) -> None:
    """Show each key's generation, age and predecessor, and what the next run would do and why.

    Reads the stack from FILE or stdin (-), as `pulumi stack export` writes it, or exports it here.
    """
    consumers: tuple[KeyConsumers, ...] | None = None
    with admin_client() as client:
        held = held_stack(state, stack, folder)
        with waiting("asking the gateway"):
            snapshot = client.snapshot(managed_by=held.managed_by)
            admin_keys = client.list_admin_keys() if held.admin_keys else []
        found = rotation_status(held, (*snapshot.keys.values(), *admin_keys), snapshot.as_of)
        if with_consumers:
            with reading() as shown:
                consumers = tuple(shown.counted("lists of consumers", _key_consumers(client, found)))
    if output == "json":
        document = rotation_json(found)
        if consumers is not None:
            document["consumers"] = consumers_json(consumers)
        click.echo(json.dumps(document, indent=2))
    else:
        print_table(lambda: rotation_table(found), lambda: narrow_rotation_table(found))
        if consumers is not None:
            seen = consumers
            print_table(lambda: consumers_table(seen), lambda: narrow_consumers_table(seen))
        print_text(_summary(found, consumers))
    if found.is_due:
        sys.exit(DUE)


def _key_consumers(client: AdminClient, found: RotationStatus) -> Iterator[KeyConsumers]:
    return key_consumers(found, partial(_consumers_of, client))


def _consumers_of(client: AdminClient, key_id: str) -> list[Consumer]:
    try:
        return client.consumers(key_id).data
    except NotFoundError:
        return []  # deleted since the list was read


def consumers_table(found: Sequence[KeyConsumers]) -> Table:
    """A row for each consumer, the old value's first; those of one key below each other."""
    table = new_table(*_CONSUMER_HEADINGS, whole=("Value", "Key"))
    for each in found:
        label = (each.name, each.value, f"…{each.last_four}")
        for who in each.consumers:
            seen = (who.address, visible(who.user_agent) or "-", minute(who.last_used_at))
            table.add_row(*(cell(text, _style(each)) for text in (*label, *seen)))
        if not each.consumers:
            table.add_row(*(cell(text, "dim") for text in (*label, "nobody", "-", "-")))
    return table


def narrow_consumers_table(found: Sequence[KeyConsumers]) -> Table:
    """The same for few columns."""
    table = new_table("Key", "Who", "Last used")
    for each in found:
        key = cell(f"{each.name}\n{each.value} value …{each.last_four}")
        for who in each.consumers:
            seen = cell(f"{who.address}\n{visible(who.user_agent) or '-'}", _style(each))
            table.add_row(key, seen, minute(who.last_used_at))
        if not each.consumers:
            table.add_row(key, cell("nobody", "dim"), cell("-", "dim"))
    return table


def _style(each: KeyConsumers) -> str:
    return "bold" if each.value == "old" else ""


def rotation_table(status: RotationStatus) -> Table:
    """A row for each key; what is due in bold, what it waits for below."""
    table = new_table(*_HEADINGS, right=("Gen", "Age"))
    for key in status.keys:
        name = f"{key.name} (admin key)" if key.kind == "admin_key" else key.name
        cells = [name, str(key.generation), _ends_in(key.live), _age(key)]
        cells += [_time(key.next_rotation_at), _previous(key.previous), _time(key.retire_after)]
        table.add_row(*map(cell, cells), _due(key))
    return table


def narrow_rotation_table(status: RotationStatus) -> Table:
    """The same for few columns."""
    table = new_table("Key", "Rotation", "Due")
    for key in status.keys:
        what = "admin key, " if key.kind == "admin_key" else ""
        who = f"{key.name}\n{what}generation {key.generation}, {_ends_in(key.live)}, {_age(key)}"
        times = [f"next {_time(key.next_rotation_at)}" if key.next_rotation_at else ""]
        times += [f"previous {_previous(key.previous)}" if key.previous else ""]
        times += [f"retire after {_time(key.retire_after)}" if key.retire_after else ""]
        table.add_row(cell(who), cell("\n".join(filter(None, times)) or "-"), _due(key))
    return table


def _due(key: KeyRotation) -> Text:
    shown = cell("\n".join(map(visible, key.due)) or "nothing", "bold" if key.due else "")
    for note in key.notes:
        shown.append(f"\n{visible(note)}", style="dim")
    return shown


def _ends_in(key: ApiKey | AdminKey | None) -> str:
    return f"…{key.last_four}" if key else "gone"


def _age(key: KeyRotation) -> str:
    return "-" if key.age_days is None else f"{key.age_days} d"


def _previous(key: ApiKey | AdminKey | None) -> str:
    if key is None:
        return "-"
    used = f"last used {minute(key.last_used_at)}" if key.last_used_at else "never used"
    return f"…{key.last_four}, {used}"


def _time(at: datetime | None) -> str:
    return minute(at) if at else "-"


def _summary(status: RotationStatus, consumers: Sequence[KeyConsumers] | None) -> str:
    due = sum(bool(key.due) for key in status.keys)
    told = f"due for {due}: run `pulumi up`" if due else "nothing is due"
    keys = counted(len(status.keys), "key")
    if consumers is not None:
        told += f"; {counted(late_consumers(consumers), 'consumer')} on an old value"
    return f"{visible(status.stack)} at {minute(status.as_of)}: {keys}, {told}"
