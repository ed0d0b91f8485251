"""How commands reach the admin API: settings from the environment, errors as one line and an exit code."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from pulumi_groq.admin import AdminClient, AdminSettings
from pulumi_groq.cli.serve import UnusableSettingError
from pulumi_groq.errors import ConfigurationError, GroqError

CONNECTION_HELP: Final = """\b
Settings come from the environment:
  GROQ_ADMIN_BASE_URL  the gateway, such as http://127.0.0.1:8700 (needed)
  GROQ_ADMIN_KEY       its admin key (needed)

\b
Exit codes: 0 done, 1 the admin API refused or gave no answer, 2 a setting or option is wrong.
"""


@contextmanager
def admin_client() -> Iterator[AdminClient]:
    """A client for the block; what goes wrong in it ends the command: exit code 2 for settings, else 1."""
    environment = os.environ
    try:
        settings = AdminSettings(
            environment.get("GROQ_ADMIN_BASE_URL", ""), environment.get("GROQ_ADMIN_KEY", "")
        )
        with AdminClient(settings) as client:
            yield client
    except ConfigurationError as error:
        raise UnusableSettingError(str(error)) from None
    except GroqError as error:
        raise click.ClickException(str(error)) from None
