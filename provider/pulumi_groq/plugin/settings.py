"""The provider's settings: `pulumi config set groq:NAME`, or the arguments of an explicit provider."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi_groq.admin import AdminClient, AdminSettings, Configured
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.lifecycle.properties import Failure, is_unknown
from pulumi_groq.lifecycle.session import Session, deadline_s

SECRET_SETTINGS: Final = frozenset({"adminKey"})
SETTINGS: Final = {
    "baseUrl": (
        "string",
        "Address of the gateway, http or https; the environment's GROQ_ADMIN_BASE_URL where left out.",
    ),
    "adminKey": (
        "string",
        "Key of the admin API, kept as a secret; the environment's GROQ_ADMIN_KEY where left out.",
    ),
    "oidcTokenFile": (
        "string",
        "File with the OIDC token of this workload, which is exchanged for a credential where no key is "
        "given; the environment's GROQ_ADMIN_OIDC_TOKEN_FILE where left out. In GitHub Actions a job with "
        "`id-token: write` needs none.",
    ),
    "oidcAudience": (
        "string",
        "Audience of the token that GitHub is asked for; the environment's GROQ_ADMIN_OIDC_AUDIENCE where "
        "left out, else the gateway's address.",
    ),
    "workloadIdentity": (
        "string",
        "Name of the workload identity to act as; the environment's GROQ_ADMIN_WORKLOAD_IDENTITY where left "
        "out, else the only one that accepts the token.",
    ),
    "deadlineSeconds": (
        "number",
        "Seconds that one call may take, retries included: 1 to 3,600. Default: 120.",
    ),
    "organization": (
        "string",
        "Pulumi organisation of the stack, the first part of what the server keeps as a key's owner: "
        "a plugin is not told it. Left out, that of the stack's keys stays; new ones get `organization`.",
    ),
}
"""Settings by name: their type, and what they mean."""

Connect = Callable[[AdminSettings, float], AdminClient]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a run needs: the session, and the organisation where one is set."""

    session: Session
    organization: str | None


def configured_by(values: Mapping[str, Any]) -> Configured:
    """The settings in `values`, where the engine may write any of them as text."""

    def configured(name: str) -> str | None:
        value = values.get(name)
        return None if value is None or is_unknown(value) else str(value)

    return configured


def configuration(values: Mapping[str, Any], connect: Connect) -> Configuration:
    """The configuration that `values` and the environment give.

    Raises ConfigurationError, with what is missing and how to set it.
    """
    configured = configured_by(values)
    client = connect(AdminSettings.found(configured, os.environ), deadline_s(configured, os.environ))
    return Configuration(Session.of(client), configured("organization") or None)


def failures(values: Mapping[str, Any]) -> Iterator[Failure]:
    """What is wrong with the settings, as far as they are known."""
    if any(is_unknown(values.get(name)) for name in SETTINGS):
        return
    configured = configured_by(values)
    for names, read in ((("adminKey", "baseUrl"), AdminSettings.found), (("deadlineSeconds",), deadline_s)):
        try:
            read(configured, os.environ)
        except ConfigurationError as error:
            named = next((name for name in names if f"groq:{name}" in str(error)), names[0])
            yield Failure(named, str(error))
    if "/" in (configured("organization") or ""):
        yield Failure("organization", "must be the organisation alone, without project and stack")
