"""Options that several commands share, so that they are named and explained alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

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
