"""`pulumi-groq review`: what a preview would change, for whoever has to approve it."""

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any, Final
from urllib.parse import quote

import click

from pulumi_groq.admin import AdminClient
from pulumi_groq.admin.retry import Backoff
from pulumi_groq.cli.connection import SETTINGS_HELP, access_file_option, price_list_option, project_options
from pulumi_groq.cli.facts import (
    access_file,
    admin_settings,
    catalogue,
    declared_access,
    guardrails,
    live_facts,
)
from pulumi_groq.cli.numbers import FiniteRange
from pulumi_groq.cli.pulumi_cli import named, read_document, run_pulumi
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.cli.tables import print_markdown
from pulumi_groq.errors import ConfigurationError, GroqError
from pulumi_groq.reports.engine_state import stack_address
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.review.changes import sets_model_limits
from pulumi_groq.reports.review.comment import review_markdown
from pulumi_groq.reports.review.findings import Severity
from pulumi_groq.reports.review.formats import findings_annotations, findings_sarif, review_json
from pulumi_groq.reports.review.preview import Preview, read_preview
from pulumi_groq.reports.review.report import Review, review

FOUND: Final = 3
_PATIENCE_S: Final = 15.0
_TWO_ATTEMPTS: Final = Backoff(most_attempts=2)  # a review can do without

_EPILOG: Final = f"""\
Without the gateway's settings, or when it does not answer, the review says what it
could not check.

{SETTINGS_HELP.replace(" (needed)", "")}
Exit codes: 0 done, 1 the preview could not be made, 2 a setting or option is wrong,
3 a finding of the --fail-on severity or worse, or a rule of high severity in
policy.yaml is violated.
"""


@click.command("review", short_help="Review what `pulumi up` would change.", epilog=_EPILOG)
@click.argument("preview", required=False, metavar="[FILE|-]")
@click.option(
    "--output",
    type=click.Choice(["markdown", "json", "sarif", "github"]),
    default="markdown",
    show_default=True,
    help="Markdown for a pull request (laid out at a terminal), JSON, SARIF, or GitHub annotations.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["high", "medium", "low", "never"]),
    default="never",
    show_default=True,
    help="Exit with 3 for a finding this bad or worse.",
)
@click.option(
    "--raise-factor",
    type=FiniteRange(min=1),
    default=2.0,
    show_default=True,
    help="A limit raised to more than this many times its old value is a finding.",
)
@access_file_option("Where reasons and lines come from")
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own rules (default: policy.yaml in stacks/ or here, where there is one).",
)
@price_list_option
@project_options("preview")
@click.option("--offline", is_flag=True, help="Do not ask the gateway.")
def review_command(
    *,
    preview: str | None,
    output: str,
    fail_on: str,
    raise_factor: float,
    access_path: Path | None,
    policy_path: Path | None,
    price_list: Path | None,
    stack: str | None,
    folder: Path,
    offline: bool,
) -> None:
    """Review what `pulumi up` would change: keys, teams and the spending policy.

    Reads the output of `pulumi preview --json` from FILE or stdin (-), or runs it here.
    """
    read = _preview(preview, stack, folder)
    file = access_file(access_path, folder, _stack_of(read))
    made = review(
        read,
        catalogue=catalogue(price_list),
        live="The gateway was not asked (--offline)." if offline else _live(read),
        now=datetime.now(UTC),
        access=declared_access(file),
        raise_factor=Decimal(str(raise_factor)),
        guardrails=guardrails(policy_path, folder),
        selected_stack=stack or "",
    )
    text = _rendered(made, output, _repository_path(file))
    if output == "markdown" and sys.stdout.isatty():
        print_markdown(text)
    else:
        click.echo(text, nl=False)
    worst = made.worst()
    too_bad = fail_on != "never" and worst is not None and worst >= Severity[fail_on.upper()]
    if too_bad or any(verdict.stops for verdict in made.verdicts):
        sys.exit(FOUND)


def _preview(source: str | None, stack: str | None, folder: Path) -> Preview:
    if source is None:
        text = run_pulumi(["preview", "--json"], stack=stack, folder=folder, what="previewing")
    else:
        text = read_document(source)
    try:
        return read_preview(text, named(source, "the preview"))
    except ConfigurationError as error:
        raise UnusableSettingError(str(error)) from None


def _stack_of(preview: Preview) -> str:
    return stack_address(preview.steps[0].urn)[1] if preview.steps else ""


def _live(preview: Preview) -> Live | str:
    """The gateway's facts, or one line that says why there are none: a review goes on without."""
    try:
        with AdminClient(admin_settings(), deadline_s=_PATIENCE_S, backoff=_TWO_ATTEMPTS) as client:
            return live_facts(client, by_model=sets_model_limits(preview))
    except GroqError as error:
        return f"The gateway could not be asked: {error}."


def _rendered(made: Review, output: str, file: str) -> str:
    formats: dict[str, Any] = {
        "markdown": lambda: review_markdown(made),
        "json": lambda: review_json(made) + "\n",
        "sarif": lambda: findings_sarif(made.findings, quote(file)) + "\n",
        "github": lambda: findings_annotations(made.findings, file),
    }
    text: str = formats[output]()
    return text


def _repository_path(file: Path | None) -> str:
    """`file` relative to the repository that the command runs in; findings need a file to refer to."""
    if file is None:
        return "Pulumi.yaml"
    try:
        return PurePath(file.resolve().relative_to(Path.cwd())).as_posix()
    except ValueError:
        return file.name
