"""The session of a dynamic provider's process, made once from the stack's configuration."""

import os
import sys
from functools import cache
from typing import TYPE_CHECKING

import pulumi.dynamic

if TYPE_CHECKING:
    from pulumi_groq.admin import AdminSettings, Configured
    from pulumi_groq.lifecycle.session import Session


def configured_by(config: pulumi.dynamic.Config) -> "Configured":
    """The stack's settings in the namespace `groq`."""
    return lambda name: config.get(f"groq:{name}")


def configured_session(config: pulumi.dynamic.Config) -> "Session":
    """The session of this process for the stack's configuration."""
    # Here, not above: programs load this module, too, and the HTTP client takes longer to load than all
    # that they need.
    from pulumi_groq.admin import AdminSettings  # noqa: PLC0415
    from pulumi_groq.lifecycle.session import deadline_s  # noqa: PLC0415

    configured = configured_by(config)
    return _session(AdminSettings.found(configured, os.environ), deadline_s(configured, os.environ))


@cache
def _session(settings: "AdminSettings", deadline_s: float) -> "Session":
    from pulumi_groq.admin import AdminClient  # noqa: PLC0415
    from pulumi_groq.lifecycle.session import Session  # noqa: PLC0415

    return Session.of(AdminClient(settings, deadline_s=deadline_s))


def notify(line: str) -> None:
    """Show one line to the person at the terminal: the engine shows what its plugins write to stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
