"""The group of all commands."""

import click

from pulumi_groq.cli.audit import audit
from pulumi_groq.cli.books import backup, ledger, migrate, restore
from pulumi_groq.cli.init import init
from pulumi_groq.cli.keys import keys
from pulumi_groq.cli.replicas import replicas
from pulumi_groq.cli.report import report
from pulumi_groq.cli.review import review_command
from pulumi_groq.cli.rotation import rotation
from pulumi_groq.cli.serve import serve
from pulumi_groq.cli.stopping import StoppableGroup
from pulumi_groq.cli.store import store
from pulumi_groq.cli.usage import usage
from pulumi_groq.cli.validate import validate


@click.group(
    cls=StoppableGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Ctrl-C stops any command, with exit code 130 unless its help says otherwise, and leaves nothing "
    "half written.",
)
@click.version_option(package_name="pulumi-groq")
def commands() -> None:
    """Groq access as code: the gateway, and reports on it."""


commands.add_command(init)
commands.add_command(serve)
commands.add_command(keys)
commands.add_command(review_command)
commands.add_command(validate)
commands.add_command(usage)
commands.add_command(report)
commands.add_command(audit)
commands.add_command(rotation)
commands.add_command(ledger)
commands.add_command(backup)
commands.add_command(restore)
commands.add_command(migrate)
commands.add_command(replicas)
commands.add_command(store)
