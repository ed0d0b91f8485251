"""`pulumi-groq ledger`, `backup`, `restore` and `migrate`: work on the store, beside a gateway or without."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table

from pulumi_groq.cli.connection import table_or_json_option
from pulumi_groq.cli.numbers import FiniteRange
from pulumi_groq.cli.progress import steps
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.cli.stopping import stopping
from pulumi_groq.cli.tables import cell, new_table, print_table
from pulumi_groq.models.fields import json_number, micro_usd, usd

if TYPE_CHECKING:
    from pulumi_groq.gateway.store.set_aside import KeptAside

_EPILOG: Final = """Exit codes: 0 done, 2 the store, the backup or an option cannot be used.
"""

store_option = click.option(
    "--store",
    "store_url",
    metavar="URL",
    default="sqlite:///gateway.db",
    show_default=True,
    envvar="GROQ_GATEWAY_STORE",
    help="The gateway's store, as given to `serve`.",
)


@contextmanager
def store_errors() -> Iterator[None]:
    """What is wrong with a store, or that the extra for stores is missing: one line, exit code 2."""
    try:
        from pulumi_groq.gateway.store.errors import StoreError  # noqa: PLC0415 (an extra, as in `serve`)
    except ModuleNotFoundError as missing:
        raise UnusableSettingError(f"{missing.name} is missing: pip install 'pulumi-groq[gateway]'") from None
    try:
        yield
    except StoreError as error:
        raise UnusableSettingError(str(error)) from None


@click.group()
def ledger() -> None:
    """List and settle what the gateway could not book.

    A request that cannot be booked, and a damaged line of the journal, is set aside. What it is
    charged counts against cap and budget until it is booked or dropped; a gateway that serves
    does that within a second.
    """


@ledger.command("set-aside", epilog=_EPILOG)
@store_option
@table_or_json_option
def list_set_aside(store_url: str, output: str) -> None:
    """List what is set aside, oldest first."""
    with store_errors():
        from pulumi_groq.gateway.store.set_aside import read_set_aside  # noqa: PLC0415 (as above)
        from pulumi_groq.gateway.store.store import open_beside  # noqa: PLC0415 (as above)

        with open_beside(store_url) as connection:
            found = read_set_aside(connection)
    if output == "json":
        click.echo(json.dumps([_document(kept) for kept in found], indent=2))
    elif found:
        print_table(lambda: _table(found))
    else:
        click.echo("Nothing is set aside.")


@ledger.command(epilog=_EPILOG)
@click.argument("number", type=int)
@click.option(
    "--cost-usd",
    type=FiniteRange(0, 1_000_000),
    metavar="USD",
    help="What it cost (default: what it is charged).",
)
@store_option
def book(number: int, cost_usd: float | None, store_url: str) -> None:
    """Book the set-aside row NUMBER, on the day on which it began."""
    cost = None if cost_usd is None else micro_usd(Decimal(str(cost_usd)))
    booked = _decide(store_url, number, cost)
    click.echo(f"{number} is booked with {json_number(usd(booked))} USD.")


@ledger.command(epilog=_EPILOG)
@click.argument("number", type=int)
@store_option
def drop(number: int, store_url: str) -> None:
    """Forget the set-aside row NUMBER: it costs nothing."""
    with store_errors():
        from pulumi_groq.gateway.store.set_aside import DROPPED  # noqa: PLC0415 (as above)
    _decide(store_url, number, DROPPED)
    click.echo(f"{number} is dropped.")


@click.command(short_help="Back up a store on SQLite.", epilog=_EPILOG)
@click.argument("destination", type=click.Path(path_type=Path))
@store_option
def backup(destination: Path, store_url: str) -> None:
    """Write a backup of a SQLite store to the new file DESTINATION, whether the gateway is running or not.

    It holds everything that was acknowledged before; DESTINATION.secret is the gateway's own secret,
    if it made one.
    """
    with store_errors():
        from pulumi_groq.gateway.backup import back_up  # noqa: PLC0415 (as above)

        with stopping("no backup was written") as to_the_end, steps() as told:
            back_up(store_url, destination.absolute(), told, to_the_end)
    click.echo(f"{destination} holds the store.")


@click.command(short_help="Put a backup in the store's place.", epilog=_EPILOG)
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@store_option
@click.option("--replace", is_flag=True, help="Replace a store that already exists.")
def restore(source: Path, store_url: str, *, replace: bool) -> None:
    """Replace the store with the backup SOURCE; the gateway must be stopped."""
    with store_errors():
        from pulumi_groq.gateway import backup as backups  # noqa: PLC0415 (as above)

        with stopping("the store is as it was") as to_the_end, steps() as told:
            segments = backups.restore(
                source.absolute(), store_url, replace=replace, told=told, placing=to_the_end
            )
    click.echo("The store is as it was in the backup.")
    if segments:
        click.echo(f"The journal beside it ({segments} segments) is booked into it at the next start.")


@click.command(short_help="Bring the store to this version's schema.", epilog=_EPILOG)
@store_option
def migrate(store_url: str) -> None:
    """Bring the store to the schema of this version, as `serve` does when it starts.

    For a store on PostgreSQL whose gateway may not change tables: run it first, with a user who may.
    """
    with store_errors():
        from pulumi_groq.gateway.store.store import migrate_beside  # noqa: PLC0415 (as above)

        changed = migrate_beside(store_url)
    click.echo("The store has this version's schema now." if changed else "Nothing to do.")


def _decide(store_url: str, number: int, decided_micro_usd: int | None) -> int:
    with store_errors():
        from pulumi_groq.gateway.store.set_aside import decide, read_set_aside  # noqa: PLC0415 (as above)
        from pulumi_groq.gateway.store.store import open_beside  # noqa: PLC0415 (as above)

        with open_beside(store_url, writes=True) as connection:
            charged = {kept.id: kept.what.charged_micro_usd for kept in read_set_aside(connection)}
            if number not in charged:
                raise UnusableSettingError(
                    f"nothing is set aside under {number}: `pulumi-groq ledger set-aside` lists what is"
                )
            decided = charged[number] if decided_micro_usd is None else decided_micro_usd
            decide(connection, number, decided)
    return decided


def _document(kept: "KeptAside") -> dict[str, Any]:
    what = kept.what
    return {
        "number": kept.id,
        "reason": what.reason,
        "request_id": what.request_id,
        "key_id": what.key_id,
        "team": what.team,
        "model": what.model,
        "began_at": _time(what.started_us),
        "charged_usd": json_number(usd(what.charged_micro_usd)),
        "decided": kept.decided_micro_usd is not None,
        "content": what.content.decode("utf-8", "backslashreplace"),
    }


def _time(unix_us: int) -> str:
    return datetime.fromtimestamp(unix_us / 1_000_000, UTC).isoformat(timespec="seconds")


def _table(found: "list[KeptAside]") -> Table:
    ids = ("No.", "Began", "Request", "Key")
    table = new_table(*ids, "Model", "Charged USD", "Why", whole=ids, right=("Charged USD",))
    for kept in found:
        what = kept.what
        cells = (
            str(kept.id),
            _time(what.started_us),
            what.request_id or "unknown",
            what.key_id or "unknown",
            what.model or "unknown",
            f"{usd(what.charged_micro_usd):f}",
            what.reason + (" (decided)" if kept.decided_micro_usd is not None else ""),
        )
        table.add_row(*map(cell, cells))
    return table
