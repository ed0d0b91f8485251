"""`pulumi-groq validate`, and the calls that it makes with keys' values."""

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

import click
import httpx
from rich.table import Table

from pulumi_groq.access import Access
from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.cli.connection import (
    SETTINGS_HELP,
    access_file_option,
    price_list_option,
    project_options,
)
from pulumi_groq.cli.facts import (
    access_file,
    admin_settings,
    catalogue,
    declared_access,
    held_stack,
    live_facts,
)
from pulumi_groq.cli.progress import progress
from pulumi_groq.cli.pulumi_cli import named
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.cli.tables import cell, new_table, print_table, print_text
from pulumi_groq.errors import ConfigurationError, GroqError
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.live import Live
from pulumi_groq.reports.phrases import counted, minute
from pulumi_groq.reports.stack_export import StackState
from pulumi_groq.reports.validation.checks import Check, Outcome, Validation
from pulumi_groq.reports.validation.comparison import compared
from pulumi_groq.reports.validation.formats import validation_json, validation_junit, validation_markdown
from pulumi_groq.reports.validation.trials import Answers, Trial, TrialAnswer, trials, verdicts

_TIMEOUT_S: Final = 30.0
_THIS_MACHINE: Final = ("all://127.0.0.1", "all://localhost", "all://[::1]")  # never through a proxy


class Caller:
    """Makes the calls of trials against the gateway at `base_url`. `transport` is httpx's own seam."""

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            base_url=f"{base_url}/openai/v1",
            headers={"user-agent": f"pulumi-groq/{version('pulumi-groq')} validate"},
            timeout=_TIMEOUT_S,
            transport=transport,
            mounts=dict.fromkeys(_THIS_MACHINE),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def answers(self, trial: Trial) -> Answers:
        """The answers to all calls of the trial; a key that must not work makes one call only."""
        listed = self._call(trial, "GET", "/models")
        if not trial.works or listed.status != 200:
            return Answers(listed)
        return Answers(
            listed,
            self._chat(trial, trial.allowed),
            self._chat(trial, trial.denied),
            self._chat(trial, trial.allowed, trial.denied_tool) if trial.denied_tool else None,
        )

    def _chat(self, trial: Trial, model: str | None, tool: str | None = None) -> TrialAnswer | None:
        if model is None:
            return None
        message = {"role": "user", "content": "Hi"}
        body: dict[str, Any] = {"model": model, "messages": [message], "max_tokens": 1}
        if tool is not None:
            body["tools"] = [{"type": tool}]
        return self._call(trial, "POST", "/chat/completions", body)

    def _call(self, trial: Trial, method: str, path: str, body: dict[str, Any] | None = None) -> TrialAnswer:
        try:
            response = self._client.request(
                method, path, json=body, headers={"authorization": f"Bearer {trial.value}"}
            )
        except httpx.HTTPError as failure:
            return TrialAnswer(0, why=f"no answer ({type(failure).__name__})")
        return _answer(response)


def _answer(response: httpx.Response) -> TrialAnswer:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return TrialAnswer(response.status_code)
    error, data = body.get("error"), body.get("data")
    code = error.get("code") if isinstance(error, dict) else None
    rows = data if isinstance(data, list) else []
    models = frozenset(str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row)
    return TrialAnswer(response.status_code, code if isinstance(code, str) else None, models)


DIFFERS: Final = 3
_STYLES: Final = {Outcome.OK: "green", Outcome.MISMATCH: "bold red", Outcome.SKIPPED: "dim"}

_EPILOG: Final = f"""\
Each key whose value is known is tried for real: its list of models, one call with max_tokens 1
to a model it may use, which costs the price of a few tokens and counts as use of the key (a key
in use cannot be deleted for its quiet hours), and one call that must be refused. --no-try
leaves these calls out. The values come from `pulumi stack export --show-secrets`, run here.

{SETTINGS_HELP}  PULUMI_CONFIG_PASSPHRASE, or another way to the stack's secrets

Exit codes: 0 all as declared, 1 the admin API or pulumi failed, 2 a setting or option is wrong,
3 something differs.
"""


@click.command(epilog=_EPILOG)
@click.argument("state", required=False, metavar="[FILE|-]")
@click.option(
    "--output",
    type=click.Choice(["table", "json", "markdown", "junit"]),
    default="table",
    show_default=True,
    help="A table for people, JSON, Markdown, or JUnit XML for CI.",
)
@access_file_option("Held against the gateway too")
@click.option("--no-state", is_flag=True, help="Leave the stack out: only the access file counts.")
@click.option("--no-try", is_flag=True, help="Make no calls with the keys: nothing is charged.")
@click.option(
    "--allow-unmanaged",
    is_flag=True,
    help="Keys and rights that no stack manages are no mismatch.",
)
@price_list_option
@project_options("export")
def validate(
    *,
    state: str | None,
    output: str,
    access_path: Path | None,
    no_state: bool,
    no_try: bool,
    allow_unmanaged: bool,
    price_list: Path | None,
    stack: str | None,
    folder: Path,
) -> None:
    """Check that the gateway has, and does, what is declared.

    Reads the stack from FILE or stdin (-), as `pulumi stack export` writes it, or exports it here.
    """
    if no_state and state is not None:
        raise UnusableSettingError(
            f"--no-state leaves out the stack that {named(state, '')} holds: give one of the two"
        )
    settings = _settings()
    held = None if no_state else held_stack(state, stack, folder, secrets=not no_try)
    file = access_file(access_path, folder, held.stack if held else stack or "")
    access = declared_access(file)
    if held is None and access is None:
        raise UnusableSettingError("--no-state leaves nothing to compare: name a file with --access-file")
    known = catalogue(price_list)
    live = _live(settings)
    checks = list(compared(held, access, live, allow_unmanaged=allow_unmanaged))
    if held is not None and not no_try:
        planned, skipped = trials(held, live, known)
        checks += skipped
        checks += _tried(planned, settings)
    declared = _declared(held, access, file)
    validation = Validation(declared, f"{settings.base_url} at {minute(live.as_of)}", tuple(checks))
    _show(validation, output)
    if not validation.holds:
        sys.exit(DIFFERS)


def _settings() -> AdminSettings:
    try:
        return admin_settings()
    except ConfigurationError as error:
        raise UnusableSettingError(str(error)) from None


def _live(settings: AdminSettings) -> Live:
    try:
        with AdminClient(settings) as client:
            return live_facts(client)
    except GroqError as error:
        raise click.ClickException(str(error)) from None


def _tried(planned: Sequence[Trial], settings: AdminSettings) -> Iterator[Check]:
    with Caller(settings.base_url) as caller, progress() as shown:
        for trial in shown.track(planned, description="trying keys"):
            yield from verdicts(trial, caller.answers(trial))


def _declared(state: StackState | None, access: Access | None, file: Path | None) -> str:
    parts = []
    if state is not None:
        parts.append(f"stack {state.project}/{state.stack} ({counted(len(state.keys), 'key')})")
    if access is not None and file is not None:
        parts.append(f"{file.name} ({counted(len(access.keys), 'key')})")
    return " and ".join(parts)


def _show(validation: Validation, output: str) -> None:
    if output == "table":
        print_table(lambda: checks_table(validation))
        print_text(visible(f"{validation.declared}, against {validation.live}"))
        print_text(validation.summary())
        return
    formats: dict[str, Any] = {
        "json": lambda: validation_json(validation) + "\n",
        "markdown": lambda: validation_markdown(validation),
        "junit": lambda: validation_junit(validation) + "\n",
    }
    click.echo(formats[output](), nl=False)


def checks_table(validation: Validation) -> Table:
    """A row for each check; what differs says what to do."""
    table = new_table("", "What", "Check", "Found", whole=("",))
    for check in validation.checks:
        found = visible(check.detail, longest=2_000)
        found += f" → {visible(check.todo)}" if check.todo else ""
        outcome = cell(check.outcome.value, _STYLES[check.outcome])
        table.add_row(
            outcome, cell(f"{check.section}: {visible(check.subject)}"), cell(check.check), cell(found)
        )
    return table
