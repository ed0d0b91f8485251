"""What one provider process shares: the admin client and the listing, made once from configuration."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pulumi.dynamic

from pulumi_groq.admin import AdminClient, AdminSettings, KeyListing
from pulumi_groq.errors import ConfigurationError


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


def deadline_s(config: pulumi.dynamic.Config, environment: Mapping[str, str]) -> float:
    """How long one call of the admin API may take, retries included: 120 s unless set.

    Raises ConfigurationError unless it is a number of seconds from 1 to 3,600.
    """
    text = config.get("groq:deadlineSeconds") or environment.get("GROQ_ADMIN_DEADLINE_SECONDS") or "120"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise ConfigurationError(
            "groq:deadlineSeconds (environment: GROQ_ADMIN_DEADLINE_SECONDS) must be a number from 1 to 3600"
        )
    return seconds


def configured_session(config: pulumi.dynamic.Config) -> Session:
    """The session of this process for the stack's configuration."""
    return _session(admin_settings(config, os.environ), deadline_s(config, os.environ))


@cache
def _session(settings: AdminSettings, deadline_s: float) -> Session:
    client = AdminClient(settings, deadline_s=deadline_s)
    return Session(client, KeyListing(client))


def notify(line: str) -> None:
    """Show one line to the person at the terminal: the engine shows what its plugins write to stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
