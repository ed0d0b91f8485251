"""What Pulumi writes about a resource, in `preview --json` and in `stack export`."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from pulumi_groq.models.spelling import camel

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How Pulumi writes a value that is known only after the run (seen in `preview --json`)."""

HIDDEN: Final = "[secret]"
"""How `preview --json` writes a secret."""

KINDS: Final = ("GroqApiKey", "GroqTeam", "GroqSpendPolicy", "GroqAdminKey", "GroqWorkloadIdentity")
"""The resources of this package."""

_ENVELOPE: Final = "4dabf18193072939515e22adb298388d"  # marks an encrypted or revealed value in an export


class Lenient(BaseModel):
    """Base of the engine's documents: unknown fields are ignored, for they grow with its releases."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class ResourceState(Lenient):
    """One resource: `inputs` as declared, `outputs` as they came back. A component is not `custom`."""

    type: str = ""
    id: str = ""
    custom: bool = True
    delete: bool = False
    inputs: dict[str, Any] = Field(default_factory=dict, repr=False)
    outputs: dict[str, Any] = Field(default_factory=dict, repr=False)
    property_dependencies: dict[str, list[str] | None] | None = Field(
        default=None, alias="propertyDependencies"
    )


def output(outputs: Mapping[str, Any], name: str) -> Any:
    """The output `name`, in the spelling of the dynamic resources or the plugin's; `None` where it is not."""
    return outputs.get(name, outputs.get(camel(name)))


def resource_name(urn: str) -> str:
    """The resource's name: the last part of its URN."""
    return urn.split("::", 3)[-1]


def groq_kind(type_name: str) -> str:
    """A resource of this package, such as `GroqApiKey`; empty for any other type."""
    kind = type_name.rsplit(":", 1)[-1]
    return kind if kind in KINDS and "groq" in type_name else ""


def stack_address(urn: str) -> tuple[str, str]:
    """Project and stack of a URN: `urn:pulumi:STACK::PROJECT::TYPE::NAME`."""
    head, project, *_ = [*urn.split("::"), ""]
    return project, head.removeprefix("urn:pulumi:")


def is_readable(value: Any) -> bool:
    """Whether `value` holds neither a secret nor anything that is known only after the run."""
    if isinstance(value, Mapping):
        return _ENVELOPE not in value and all(is_readable(item) for item in value.values())
    if isinstance(value, list):
        return all(is_readable(item) for item in value)
    return not (isinstance(value, str) and value in {UNKNOWN, HIDDEN})


def revealed(value: Any) -> str | None:
    """The JSON text of a secret in an export made with `--show-secrets`; `None` for anything else."""
    plaintext = value.get("plaintext") if isinstance(value, Mapping) and _ENVELOPE in value else None
    return plaintext if isinstance(plaintext, str) else None
