"""What one provider process shares: the admin client and the listing, made once from configuration."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pulumi.dynamic

from pulumi_groq.admin import AdminClient, AdminSettings, KeyListing


@dataclass(frozen=True, slots=True)
class Session:
    """The client and the listing of one admin API, used by all threads of the process."""

    client: AdminClient
    listing: KeyListing


def admin_settings(config: pulumi.dynamic.Config, environment: Mapping[str, str]) -> AdminSettings:
    """The admin API's address and key: from the stack's configuration, else from the environment.

    Raises ConfigurationError that names the missing setting and how to set it.
    """
    return AdminSettings(
        base_url=config.get("groq:baseUrl") or environment.get("GROQ_ADMIN_BASE_URL", ""),
        admin_key=config.get("groq:adminKey") or environment.get("GROQ_ADMIN_KEY", ""),
    )


def configured_session(config: pulumi.dynamic.Config) -> Session:
    """The session of this process for the stack's configuration."""
    return _session(admin_settings(config, os.environ))


@cache
def _session(settings: AdminSettings) -> Session:
    client = AdminClient(settings)
    return Session(client, KeyListing(client))


def notify(line: str) -> None:
    """Show one line to the person at the terminal: the engine shows what its plugins write to stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
