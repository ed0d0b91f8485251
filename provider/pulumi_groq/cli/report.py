"""`pulumi-groq report`."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import click

from pulumi_groq.cli.connection import CONNECTION_HELP, admin_client
from pulumi_groq.cli.facts import declared_access
from pulumi_groq.cli.progress import reading
from pulumi_groq.cli.pulumi_cli import STDIN
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.cli.source import ClientSource
from pulumi_groq.models.rotation import RotationSchedule
from pulumi_groq.reports.page import page, page_facts


@click.command(short_help="Write the page of /ui as one file.", epilog=CONNECTION_HELP)
@click.option(
    "--html",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    required=True,
    help="Where to write the page, or - for stdout; a file that is there is replaced.",
)
@click.option(
    "--access-file",
    "access",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="access.yaml, which knows when keys are rotated next; the gateway does not.",
)
def report(file: Path, access: Path | None) -> None:
    """Write the page that the gateway serves at /ui as one self-contained file, to be kept or sent.

    It holds the spending against the cap, usage over time, refused requests, keys, their rotation and the
    last changes; no secret, no script, and nothing is loaded from elsewhere.
    """
    schedules = _schedules(access)
    with admin_client() as client, reading() as progress:
        facts = page_facts(ClientSource(client, progress), schedules)
    made = page(facts, live=False)
    if str(file) == STDIN:
        click.echo(made, nl=False)
        return
    _write_whole(file, made)
    click.echo(f"wrote {file}")


def _schedules(access: Path | None) -> Mapping[str, RotationSchedule]:
    declared = declared_access(access)
    keys = declared.keys if declared else ()
    return {key.name: key.rotation for key in keys if key.rotation is not None}


def _write_whole(file: Path, content: str) -> None:
    """Whoever opens the file sees the former page or the new one, never half of one. A link stays, and the
    file that it names is replaced; what is no file, such as a pipe or a device, is written to.
    """
    target = file.resolve()
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        if file.exists() and not file.is_file():
            file.write_text(content, encoding="utf-8")
            return
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(target)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        raise UnusableSettingError(f"cannot write {file}: {error.strerror}") from None
