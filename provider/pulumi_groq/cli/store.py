"""`pulumi-groq store copy`: from SQLite to PostgreSQL."""

import json
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table

from pulumi_groq.cli.books import store_errors
from pulumi_groq.cli.connection import table_or_json_option
from pulumi_groq.cli.progress import copying
from pulumi_groq.cli.stopping import stopping
from pulumi_groq.cli.tables import new_table, print_table

if TYPE_CHECKING:
    from pulumi_groq.gateway.store_copy import StoreCopied

_EPILOG: Final = """\
Exit codes: 0 copied and compared, 1 the copy differs, 2 a store or an option cannot be used,
130 stopped by Ctrl-C (run it again to go on).
"""
_DIGITS: Final = 16
_TOLD: Final = {
    "empty": "",
    "continued": "An earlier copy of the same store was continued.",
    "restarted": "An earlier copy was of other content: it was made anew.",
    "full": "It had been copied before: nothing was written, everything was compared.",
}


class CopyDiffers(click.ClickException):
    """The copy does not hold what the store holds: one line, exit code 1."""

    exit_code = 1


@click.group()
def store() -> None:
    """Move the gateway's store to another database."""


@store.command(short_help="Copy a store on SQLite to PostgreSQL.", epilog=_EPILOG)
@click.argument("source")
@click.argument("destination", envvar="GROQ_GATEWAY_STORE")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    default=Path("gateway-data"),
    show_default=True,
    help="The folder that the gateway on PostgreSQL is going to have: its own secret is put there.",
)
@table_or_json_option
def copy(source: str, destination: str, data_dir: Path, output: str) -> None:
    """Copy the store SOURCE (sqlite:///path) into the empty database DESTINATION (postgresql://...).

    Stop the gateway first: the copy refuses while one runs on either. Keys, teams, policies, usage,
    alerts, the record of changes and what is set aside go over; what only the journal beside SOURCE
    holds is booked into SOURCE before, and its secret file is copied into the data folder. Each table
    is compared by its number of rows and a checksum. Run it again after any interruption: it goes on
    where it stopped, and until its end no gateway starts on DESTINATION.

    DESTINATION may come from GROQ_GATEWAY_STORE instead, where it holds a password.
    """
    with store_errors():
        from pulumi_groq.gateway import store_copy  # noqa: PLC0415 (an extra, as in `serve`)

        try:
            with stopping("run the same command again, it goes on where it stopped"), copying() as progress:
                tasks = {step: progress.add_task(step, total=None, table="") for step in store_copy.STEPS}

                def begins(rows: int) -> None:
                    for task in tasks.values():
                        progress.update(task, total=rows)

                def told(step: str, table: str, rows: int) -> None:
                    progress.update(tasks[step], advance=rows, table=table)

                copied = store_copy.copy_store(source, destination, data_dir, begins, told)
        except store_copy.CopyDiffersError as differs:
            raise CopyDiffers(str(differs)) from None
    if output == "json":
        click.echo(json.dumps(_document(copied), indent=2))
    else:
        _print(copied, data_dir)


def _document(copied: "StoreCopied") -> dict[str, Any]:
    return {
        "tables": [each._asdict() for each in copied.tables],
        "rows": sum(each.rows for each in copied.tables),
        "begun": copied.begun.value,
        "secret": None if copied.secret is None else str(copied.secret),
    }


def _table(copied: "StoreCopied") -> Table:
    table = new_table("Table", "Rows", f"SHA-256 (first {_DIGITS} digits), the same in both", right=("Rows",))
    for each in copied.tables:
        table.add_row(each.table, f"{each.rows:,}", each.sha256[:_DIGITS])
    return table


def _print(copied: "StoreCopied", data_dir: Path) -> None:
    print_table(lambda: _table(copied))
    if _TOLD[copied.begun.value]:
        click.echo(_TOLD[copied.begun.value])
    if copied.secret is None:
        click.echo("The store has no secret file: give the new gateway the same GROQ_GATEWAY_SECRET.")
    else:
        click.echo(f"The secret is in {copied.secret}.")
    serve = f"pulumi-groq serve --store DESTINATION --data-dir {quote(str(data_dir))}"
    click.echo(f"Now: {serve}; never serve SOURCE again.")
