"""What one provider process shares: the admin client and the listing, made from configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pulumi_groq.admin import AdminClient, AdminSettings, KeyListing
from pulumi_groq.errors import ConfigurationError

Configured = Callable[[str], str | None]
"""Gives a setting of the stack by its name, such as `baseUrl`; `None` or empty where it is not set."""


@dataclass(frozen=True, slots=True)
class Session:
    """The client and the listing of one admin API, used by all threads of the process."""

    client: AdminClient
    listing: KeyListing

    @classmethod
    def of(cls, client: AdminClient) -> "Session":
        """The session of `client`."""
        return cls(client, KeyListing(client))


def admin_settings(configured: Configured, environment: Mapping[str, str]) -> AdminSettings:
    """The admin API's address and key: from the stack's configuration, else from the environment.

    Raises ConfigurationError that names the missing setting and how to set it.
    """
    return AdminSettings(
        base_url=configured("baseUrl") or environment.get("GROQ_ADMIN_BASE_URL", ""),
        admin_key=configured("adminKey") or environment.get("GROQ_ADMIN_KEY", ""),
    )


def deadline_s(configured: Configured, environment: Mapping[str, str]) -> float:
    """How long one call of the admin API may take, retries included: 120 s unless set.

    Raises ConfigurationError unless it is a number of seconds from 1 to 3,600.
    """
    text = configured("deadlineSeconds") or environment.get("GROQ_ADMIN_DEADLINE_SECONDS") or "120"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise ConfigurationError(
            "groq:deadlineSeconds (environment: GROQ_ADMIN_DEADLINE_SECONDS) must be a number from 1 to 3600"
        )
    return seconds
