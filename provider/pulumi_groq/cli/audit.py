"""`pulumi-groq audit`: who changed what, and whether the record of it is whole."""

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import islice
from typing import Any, Final, get_args

import click
from rich.table import Table

from pulumi_groq.admin import AdminClient
from pulumi_groq.cli.connection import CONNECTION_HELP, admin_client
from pulumi_groq.cli.progress import reading
from pulumi_groq.cli.tables import cell, new_table, print_table
from pulumi_groq.models.change_chain import Anchor, Verdict, verify
from pulumi_groq.models.history import Change, ChangeAction

_COLUMNS: Final = (
    "id",
    "at",
    "actor",
    "subject",
    "role",
    "address",
    "request_id",
    "action",
    "kind",
    "object_id",
    "name",
    "managed_by",
    "fields",
    "before",
    "after",
    "previous_hash",
    "hash",
)
_SHOWN_BESIDE: Final = frozenset({"id", "name", "lineage_id", "managed_by", "declared_as"})
_FOLLOW_PERIOD_S: Final = 2.0
_VERIFY_HELP: Final = CONNECTION_HELP.rstrip(".\n") + ", 3 something was removed or altered.\n"


class _Day(click.ParamType[date]):
    """A UTC day."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day."""
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value} is no day such as 2026-11-30", param, ctx)


@click.group(
    invoke_without_command=True,
    short_help="Show who changed what, and how.",
    epilog=CONNECTION_HELP,
)
@click.option(
    "--actor", metavar="ID", help="Only changes by this admin key or identity; root is GROQ_ADMIN_KEY."
)
@click.option("--object", "object_id", metavar="ID", help="Only changes of this key, team or policy.")
@click.option(
    "--action",
    "actions",
    type=click.Choice(get_args(ChangeAction)),
    multiple=True,
    help="Only what was done so; repeatable.",
)
@click.option("--since", type=_Day(), metavar="DAY", help="The first UTC day, YYYY-MM-DD.")
@click.option("--until", type=_Day(), metavar="DAY", help="The last UTC day, YYYY-MM-DD.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="The most changes."
)
@click.option(
    "--output",
    type=click.Choice(["table", "jsonl", "csv"]),
    default="table",
    show_default=True,
    help="A table for people, or one JSON object or CSV row for each change.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Then show further changes as they are made, until Ctrl-C, which is exit code 0.",
)
@click.pass_context
def audit(
    context: click.Context,
    actor: str | None,
    object_id: str | None,
    actions: tuple[str, ...],
    since: date | None,
    until: date | None,
    limit: int,
    output: str,
    follow: bool,
) -> None:
    """Show who changed which key, team, policy or right, from what to what; the newest last.

    Exchanges of workloads' tokens are among them, refused ones too.

    Values of secrets are in no entry. It takes a role that may read changes: auditor, viewer or owner.
    """
    if context.invoked_subcommand is not None:
        return
    if since is not None and until is not None and since > until:
        raise click.UsageError("--since is after --until")
    filters = {
        "actor": actor,
        "object_id": object_id,
        "action": ",".join(actions) or None,
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    with admin_client() as client:
        with reading() as shown:
            found = list(shown.counted("changes", islice(client.audit(**filters), limit)))[::-1]
        if found or follow or output != "table":
            _print(found, output, heading=True)
        else:
            click.echo("No changes.")
        if follow:
            follow_changes(
                client,
                filters,
                found[-1].id if found else 0,
                lambda more: _print(more, output, heading=False),
                time.sleep,
            )


@audit.command("verify", short_help="Check that no change was removed or altered.", epilog=_VERIFY_HELP)
@click.option(
    "--anchor", metavar="NUMBER:HASH", help="What verify printed before: the change must still be there."
)
def verify_command(anchor: str | None) -> None:
    """Check that no change was removed or altered.

    Each change is chained to the one before by a hash. Whoever can write to the store could make the whole
    chain anew, or remove its end: note the anchor that is printed somewhere else, and give it next time.
    """
    try:
        noted = Anchor.parse(anchor) if anchor else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--anchor") from None
    with admin_client() as client, reading() as shown:
        changes = list(shown.counted("changes", client.audit()))
    verdict = verify(reversed(changes), noted)
    for line in verdict_lines(verdict):
        click.echo(line)
    if verdict.problems:
        click.get_current_context().exit(3)


def verdict_lines(verdict: Verdict) -> Iterable[str]:
    """The verdict for people."""
    yield from verdict.problems
    state = "is NOT whole" if verdict.problems else "is whole"
    if verdict.newest is None:
        yield f"the chain {state}: no changes are kept"
        return
    yield f"the chain {state}: {verdict.entries} changes, {verdict.oldest_id} to {verdict.newest.id}"
    if verdict.cut:
        yield f"changes before {verdict.oldest_id} were dropped after their time"
    yield f"anchor: {verdict.newest}"


def follow_changes(
    client: AdminClient,
    filters: dict[str, str | None],
    last_id: int,
    show: Callable[[Sequence[Change]], None],
    sleep: Callable[[float], None],
) -> None:
    """Show changes after `last_id` as they are made, until Ctrl-C."""
    try:
        while True:
            sleep(_FOLLOW_PERIOD_S)
            newer: list[Change] = []
            for change in client.audit(**filters):
                if change.id <= last_id:
                    break
                newer.append(change)
            if newer:
                last_id = newer[0].id
                show(newer[::-1])
    except KeyboardInterrupt:
        return


def _print(changes: Sequence[Change], output: str, *, heading: bool) -> None:
    if output == "jsonl":
        for change in changes:
            click.echo(change.model_dump_json())
    elif output == "csv":
        click.echo(changes_csv(changes, heading=heading), nl=False)
    else:
        print_table(
            lambda: changes_table(changes, heading=heading),
            lambda: narrow_changes_table(changes, heading=heading),
        )


def changes_csv(changes: Sequence[Change], *, heading: bool) -> str:
    """A row for each change; lists and values as JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if heading:
        writer.writerow(_COLUMNS)
    for change in changes:
        values = change.model_dump(mode="json")
        writer.writerow([_cell(values[name]) for name in _COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    text = "" if value is None else str(value)
    # A spreadsheet would take it for a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def changes_table(changes: Sequence[Change], *, heading: bool) -> Table:
    """A row for each change, with its fields from what to what."""
    headings = ("#", "At (UTC)", "Actor", "Role", "From", "Did", "Object", "What")
    table = new_table(*headings, whole=("#", "Did"))
    table.show_header = heading
    for change in changes:
        actor = f"{change.actor}\n{change.subject}" if change.subject else change.actor
        cells = [str(change.id), f"{change.at:%Y-%m-%d %H:%M:%S}", actor, change.role, change.address]
        what = f"{change.kind} {change.name}\n{change.object_id}"
        cells += [change.action, what, "\n".join(_differences(change))]
        table.add_row(*map(cell, cells))
    return table


def narrow_changes_table(changes: Sequence[Change], *, heading: bool) -> Table:
    """The same for few columns."""
    table = new_table("#", "When and who", "What", whole=("#",))
    table.show_header = heading
    for change in changes:
        who = [f"{change.at:%Y-%m-%d %H:%M:%S}", f"{change.actor}, {change.role}", change.address]
        what = [f"{change.action} {change.kind} {change.name}", *_differences(change)]
        table.add_row(*map(cell, [str(change.id), "\n".join(who), "\n".join(what)]))
    return table


def _differences(change: Change) -> Iterable[str]:
    if change.action != "updated":
        for name, value in (change.before | change.after).items():
            if name not in _SHOWN_BESIDE and value not in (None, [], {}):
                yield f"{name}: {value if isinstance(value, str) else _json(value)}"
    for name in change.fields:
        if name in change.before or name in change.after:
            before, after = (_json(values.get(name)) for values in (change.before, change.after))
            yield f"{name}: {before} -> {after}"
        else:
            yield f"{name} (secret)"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
