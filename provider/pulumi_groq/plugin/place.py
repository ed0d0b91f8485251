"""Where a resource is declared, from what the engine tells a plugin of it: the URN."""

from typing import Any, Final

from pulumi_groq.lifecycle.placement import Place
from pulumi_groq.lifecycle.properties import Properties

_DEFAULT_ORGANIZATION: Final = "organization"  # what Pulumi's own back ends without organisations say


def place_of(urn: str, organization: str | None, olds: Properties) -> Place:
    """The place of `urn`: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`.

    A URN has no organisation. Where none is configured, the one that `olds`, the last run's inputs,
    name for this stack stays.
    """
    stack, project, types, name = urn.removeprefix("urn:pulumi:").split("::", 3)
    parents, _, _ = types.rpartition("$")
    owner = organization or _organization(olds.get("managed_by"), project, stack) or _DEFAULT_ORGANIZATION
    return Place(owner, project, stack, name, parents)


def _organization(managed_by: Any, project: str, stack: str) -> str | None:
    if not isinstance(managed_by, str) or not managed_by.endswith(f"/{project}/{stack}"):
        return None
    return managed_by.removesuffix(f"/{project}/{stack}")
