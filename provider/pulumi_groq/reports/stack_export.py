"""`pulumi stack export`, read into what the stack owns: keys, teams, the spending policy and rights."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.models.fields import UtcTime
from pulumi_groq.reports.engine_state import (
    KINDS,
    Lenient,
    ResourceState,
    groq_kind,
    is_readable,
    output,
    resource_name,
    revealed,
    stack_address,
)
from pulumi_groq.reports.settings import (
    AdminKeySettings,
    IdentitySettings,
    KeySettings,
    PolicySettings,
    TeamSettings,
)

SettingsT = TypeVar("SettingsT", KeySettings, AdminKeySettings)
_TIME: TypeAdapter[datetime] = TypeAdapter(UtcTime)


class _Resource(ResourceState):
    urn: str = ""
    external: bool = False


class _Deployment(Lenient):
    resources: list[_Resource] = Field(default_factory=list)


class _Export(Lenient):
    version: int
    deployment: _Deployment | None = None


@dataclass(frozen=True, slots=True)
class HeldKey(Generic[SettingsT]):
    """A key or admin key that the stack owns. `value` is known only from an export with its secrets shown.

    `has_value` says whether the stack holds it; `delivered_at` is when it arrived, if it arrived late.
    """

    resource: str
    settings: SettingsT
    key_id: str
    lineage_id: str
    previous_key_id: str | None
    generation: int = 1
    has_value: bool = True
    delivered_at: datetime | None = None
    value: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The key's own name, or the resource's if that cannot be seen."""
        return self.settings.name or self.resource


StackKey = HeldKey[KeySettings]
StackAdminKey = HeldKey[AdminKeySettings]


@dataclass(frozen=True, slots=True)
class StackIdentity:
    """A workload identity that the stack owns."""

    resource: str
    settings: IdentitySettings

    @property
    def name(self) -> str:
        """Its own name, or the resource's if that cannot be seen."""
        return self.settings.identity_name or self.resource


@dataclass(frozen=True, slots=True)
class StackState:
    """What a stack owns, keys by name. `managed_by` is its address on the server, if a resource says so."""

    project: str
    stack: str
    managed_by: str | None
    keys: tuple[StackKey, ...]
    teams: tuple[TeamSettings, ...]
    policy: PolicySettings | None
    admin_keys: tuple[StackAdminKey, ...] = ()
    identities: tuple[StackIdentity, ...] = ()


def read_stack(text: str, source: str) -> StackState:
    """The stack in `text`; `source` is what errors call it.

    Raises ConfigurationError, in one line, for what `pulumi stack export` does not write.
    """
    try:
        export = _Export.model_validate_json(text)
    except ValidationError:
        raise ConfigurationError(
            f"{source} holds no stack: give the output of `pulumi stack export`"
        ) from None
    resources = export.deployment.resources if export.deployment else []
    owned = [each for each in resources if not (each.external or each.delete)]
    by_kind = {kind: [each for each in owned if groq_kind(each.type) == kind] for kind in KINDS}
    keys = [_key(each, KeySettings, "api_key") for each in by_kind["GroqApiKey"]]
    admin_keys = [_key(each, AdminKeySettings, "admin_key") for each in by_kind["GroqAdminKey"]]
    policies = [PolicySettings.read(each.outputs) for each in by_kind["GroqSpendPolicy"]]
    project, stack = stack_address(resources[0].urn) if resources else ("", "")
    return StackState(
        project=project,
        stack=stack,
        managed_by=next(filter(None, (_text(output(each.outputs, "managed_by")) for each in owned)), None),
        keys=tuple(sorted(keys, key=lambda key: key.name)),
        teams=tuple(TeamSettings.read(each.outputs) for each in by_kind["GroqTeam"]),
        policy=policies[0] if policies else None,
        admin_keys=tuple(sorted(admin_keys, key=lambda key: key.name)),
        identities=tuple(
            StackIdentity(resource_name(each.urn), IdentitySettings.read(each.outputs))
            for each in by_kind["GroqWorkloadIdentity"]
        ),
    )


def _key(resource: _Resource, kind: type[SettingsT], value_field: str) -> HeldKey[SettingsT]:
    outputs = resource.outputs
    return HeldKey(
        resource=resource_name(resource.urn),
        settings=kind.read(outputs),
        key_id=_text(output(outputs, "key_id")) or resource.id,
        lineage_id=_text(output(outputs, "lineage_id")) or resource.id,
        previous_key_id=_text(output(outputs, "previous_key_id")),
        generation=_generation(output(outputs, "generation")),
        has_value=output(outputs, value_field) is not None,
        delivered_at=_time(output(outputs, "delivered_at")),
        value=_value(output(outputs, value_field)),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and is_readable(value) else None


def _generation(value: Any) -> int:
    # JSON numbers of the engine may come as floats.
    return int(value) if isinstance(value, int | float) else 1


def _time(value: Any) -> datetime | None:
    try:
        return _TIME.validate_python(value)
    except ValidationError:
        return None


def _value(shown: Any) -> str | None:
    plaintext = revealed(shown)
    try:
        value = json.loads(plaintext) if plaintext is not None else None
    except ValueError:
        return None
    return value if isinstance(value, str) else None
