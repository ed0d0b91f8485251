"""`pulumi-groq replicas`: the gateways that share a store."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table

from pulumi_groq.cli.books import store_errors, store_option
from pulumi_groq.cli.connection import table_or_json_option
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.cli.tables import cell, new_table, print_table
from pulumi_groq.models.fields import json_number, usd, wire_time

if TYPE_CHECKING:
    from pulumi_groq.gateway.store.replicas import ReplicaRecord

_EPILOG: Final = """Exit codes: 0 done, 2 the store or a name cannot be used.
"""


@click.group(short_help="List the gateways on a store, or forget one.")
def replicas() -> None:
    """List the gateways that share a store on PostgreSQL, and forget one whose disk is lost."""


@replicas.command("list", epilog=_EPILOG)
@store_option
@table_or_json_option
def list_replicas(store_url: str, output: str) -> None:
    """List the gateways that have not left, with what they hold.

    live: heard of in the last 10 seconds. silent: not heard of; stopped, dead or cut off. forgotten: what it
    held is charged until it comes back.
    """
    with store_errors():
        from pulumi_groq.gateway.store.replicas import present_replicas  # noqa: PLC0415 (an extra)
        from pulumi_groq.gateway.store.store import open_beside  # noqa: PLC0415 (as above)

        _require_postgresql(store_url)
        with open_beside(store_url) as connection:
            found = [_shown(each) for each in present_replicas(connection)]
    if output == "json":
        click.echo(json.dumps({"replicas": found}, indent=2))
        return
    if not found:
        click.echo("No gateway is using the store.")
        return
    print_table(lambda: _table(found))


@replicas.command("forget", short_help="Charge what a lost gateway held.", epilog=_EPILOG)
@click.argument("replica")
@store_option
@table_or_json_option
def forget_replica(replica: str, store_url: str, output: str) -> None:
    """Charge all that REPLICA holds, for a gateway that will not start again with its folder.

    What it has granted to itself may have been spent, and only its journal knows: so all of it counts as
    spent. Should the folder turn up, start a gateway on it: what was spent takes the place of the charge.
    """
    with store_errors():
        from pulumi_groq.gateway.store.bank import forget  # noqa: PLC0415 (an extra)
        from pulumi_groq.gateway.store.replicas import present_replicas  # noqa: PLC0415 (as above)
        from pulumi_groq.gateway.store.store import open_beside  # noqa: PLC0415 (as above)

        _require_postgresql(store_url)
        with open_beside(store_url, writes=True) as connection:
            found = {each.replica: each for each in present_replicas(connection)}.get(replica)
            if found is None:
                raise UnusableSettingError(
                    f"there is no replica {replica}: pulumi-groq replicas list shows all"
                )
            if found.is_live and not found.is_silent:
                raise UnusableSettingError(f"{replica} is alive: stop it, and it gives back what it holds")
            charged = forget(connection, replica)
    _tell_charged(replica, charged, output)


def _tell_charged(replica: str, charged: Mapping[str, int], output: str) -> None:
    amounts = {account: json_number(usd(amount)) for account, amount in sorted(charged.items())}
    if output == "json":
        click.echo(json.dumps({"replica": replica, "charged_usd": amounts}, indent=2))
        return
    click.echo(f"{replica} is forgotten." + ("" if amounts else " It held nothing."))
    for account, amount in amounts.items():
        _, window, owner = account.split(":", 2)
        click.echo(f"Charged {amount} USD to {owner} in {window}")


def _require_postgresql(store_url: str) -> None:
    from pulumi_groq.gateway.store.postgresql import is_postgresql  # noqa: PLC0415 (an extra)

    if not is_postgresql(store_url):
        raise UnusableSettingError("a store on SQLite has one gateway: give --store postgresql://...")


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    headings = ("Replica", "State", "Seen", "Version", "Host", "Since", "Holds at most (USD)")
    table = new_table(*headings, right=headings[-1:])
    for each in found:
        cells = [each["replica"], each["state"], f"{each['seen_s_ago']} s ago", each["version"]]
        table.add_row(*map(cell, [*cells, each["host"], each["joined_at"], str(each["held_usd"])]))
    return table


def _shown(record: "ReplicaRecord") -> dict[str, Any]:
    state = "forgotten" if not record.is_live else "silent" if record.is_silent else "live"
    return {
        "replica": record.replica,
        "state": state,
        "seen_s_ago": round(record.silent_s),
        "version": record.version,
        "host": record.host,
        "joined_at": wire_time(record.joined_at),
        "held_usd": json_number(usd(record.held_micro_usd)),
    }
