"""What commands share: how they reach the admin API, and options that are called and explained alike."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.errors import ConfigurationError, GroqError

SETTINGS_HELP: Final = """\b
Settings come from the environment:
  GROQ_ADMIN_BASE_URL  the gateway, such as http://127.0.0.1:8700 (needed)
  GROQ_ADMIN_KEY       its admin key; or, for a workload identity:
  GROQ_ADMIN_OIDC_TOKEN_FILE, or a job of GitHub Actions with id-token: write,
  GROQ_ADMIN_OIDC_AUDIENCE and GROQ_ADMIN_WORKLOAD_IDENTITY where they differ
"""
CONNECTION_HELP: Final = f"""{SETTINGS_HELP}
Exit codes: 0 done, 1 the admin API refused or gave no answer, 2 a setting or option is wrong.
"""


@contextmanager
def admin_client() -> Iterator[AdminClient]:
    """A client for the block; what goes wrong in it ends the command: exit code 2 for settings, else 1."""
    try:
        with AdminClient(AdminSettings.from_environment(os.environ)) as client:
            yield client
    except ConfigurationError as error:
        raise UnusableSettingError(str(error)) from None
    except GroqError as error:
        raise click.ClickException(str(error)) from None


CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def project_options(purpose: str) -> Callable[[CommandT], CommandT]:
    """`--stack` and `--cwd`, as `stack` and `folder`; `purpose` completes "The stack to"."""

    def add(command: CommandT) -> CommandT:
        command = click.option(
            "--cwd",
            "folder",
            type=click.Path(path_type=Path),
            default=Path(),
            metavar="FOLDER",
            help="The Pulumi project's folder (default: here).",
        )(command)
        help_text = f"The stack to {purpose} (default: the selected one)."
        return click.option("--stack", metavar="NAME", help=help_text)(command)

    return add


def access_file_option(purpose: str) -> Callable[[CommandT], CommandT]:
    """`--access-file`, as `access_path`; `purpose` says what it is for."""
    return click.option(
        "--access-file",
        "access_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"{purpose} (default: access.STACK.yaml or access.yaml in stacks/ or here).",
    )


price_list_option = click.option(
    "--price-list", type=click.Path(path_type=Path), metavar="FILE", help="The gateway's own price list."
)

table_or_json_option = click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table for people, or JSON for programs.",
)
