"""What one provider process shares: the admin client and the listing, made from configuration."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi_groq.admin import AdminClient, AdminKeyListing, Configured, KeyListing
from pulumi_groq.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Session:
    """The client and the listings of one admin API, used by all threads of the process."""

    client: AdminClient
    listing: KeyListing
    admin_listing: AdminKeyListing

    @classmethod
    def of(cls, client: AdminClient) -> "Session":
        """The session of `client`."""
        return cls(client, KeyListing(client), AdminKeyListing(client))


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
