"""`pulumi-groq usage`."""

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any, Final, cast

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from pulumi_groq.cli.connection import CONNECTION_HELP, admin_client
from pulumi_groq.cli.numbers import FiniteRange
from pulumi_groq.cli.progress import reading
from pulumi_groq.cli.source import ClientSource
from pulumi_groq.reports.usage.formats import usage_csv, usage_document, usage_markdown
from pulumi_groq.reports.usage.report import By, UsageReport, usage_report
from pulumi_groq.reports.usage.source import usage_facts
from pulumi_groq.reports.usage.text import usage_text

_WATCHED_OUTPUT: Final = "table"


class _Month(click.ParamType[str]):
    """A UTC month."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The month as it was written."""
        if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", str(value)) or not "1970" < str(value) < "9999-12":
            self.fail(f"{value} is no month such as 2026-11", param, ctx)
        return str(value)


@click.command(short_help="Show the requests, tokens and cost of a month.", epilog=CONNECTION_HELP)
@click.option(
    "--by",
    type=click.Choice(["key", "team", "model", "day"]),
    default="key",
    show_default=True,
    help="What the rows are.",
)
@click.option("--month", type=_Month(), help="A UTC month; else the running one.")
@click.option(
    "--output",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default=_WATCHED_OUTPUT,
    show_default=True,
    help="A table for people, or a format for programs.",
)
@click.option(
    "--watch",
    "watch_s",
    type=FiniteRange(min=1, max=3600),
    metavar="SECONDS",
    help="Show the table anew every so many seconds, until Ctrl-C.",
)
def usage(by: str, month: str | None, output: str, watch_s: float | None) -> None:
    """Show the requests, tokens and cost of a month, and where the month is heading.

    For the running month it also shows each key's share of its daily limits, what is left of the budgets of
    keys, teams and organisation in the hour, day, week or month that runs, the cost by the end of the month
    (a straight line through what was spent so far), the days until a budget or the cap is reached, and which
    keys served nothing for 30 days. Ctrl-C ends --watch with exit code 0.
    """
    if watch_s is not None and output != _WATCHED_OUTPUT:
        raise click.UsageError("--watch shows a table: leave --output out")
    with admin_client() as client:

        def read() -> UsageReport:
            with reading() as progress:
                source = ClientSource(client, progress)
                return usage_report(usage_facts(source, cast("By", by), month))

        if watch_s is not None:
            _watch(read, watch_s)
        else:
            _print(read(), output)


def _print(report: UsageReport, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(usage_document(report), indent=2))
    elif output == "csv":
        click.echo(usage_csv(report), nl=False)
    elif output == "markdown":
        click.echo(usage_markdown(report), nl=False)
    else:
        # A pipe has no width of its own: names stay whole there.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(usage_text(report, width), nl=False)


def _watch(read: Callable[[], UsageReport], period_s: float) -> None:
    console = Console(highlight=False)

    def shown() -> Text:
        return Text(usage_text(read(), console.width), no_wrap=True)

    try:
        with Live(shown(), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(period_s)
                live.update(shown(), refresh=True)
    except KeyboardInterrupt:
        return
