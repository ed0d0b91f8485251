"""A preview's steps as changes of this package's resources, old and new side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, Literal

from pulumi_groq.reports.engine_state import ResourceState, groq_kind, is_readable, output, resource_name
from pulumi_groq.reports.review.preview import Preview, PreviewStep
from pulumi_groq.reports.settings import (
    SETTINGS,
    AdminKeySettings,
    FieldChange,
    IdentitySettings,
    KeySettings,
    PolicySettings,
    Settings,
    TeamSettings,
    field_changes,
)

UserSettings = KeySettings | IdentitySettings
BoundedSettings = KeySettings | TeamSettings | IdentitySettings
Operation = Literal["create", "update", "replace", "delete"]

_OPERATIONS: Final[Mapping[str, Operation]] = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "create-replacement": "replace",
    "delete": "delete",
}
_NOT_CHANGES: Final = frozenset({"same", "read", "read-replacement", "delete-replaced", "refresh"})
NOUNS: Final = {
    "GroqApiKey": "API key",
    "GroqTeam": "team",
    "GroqSpendPolicy": "spending policy",
    "GroqAdminKey": "admin key",
    "GroqWorkloadIdentity": "workload identity",
}


@dataclass(frozen=True)
class PlannedChange:
    """What the run would do with one resource. `old` is what the state holds, `new` what is declared.

    `key_id` is the live key's id, if the resource is a key that exists. `downstream` are the
    resources of the preview that take a value of this one that only the run will know. `takes_over` is
    whether what the run makes the stack's own exists already; `None` where only the gateway could tell.
    """

    kind: str
    operation: Operation
    urn: str
    old: Settings | None
    new: Settings | None
    fields: tuple[FieldChange, ...]
    key_id: str | None
    generation: int
    downstream: tuple[str, ...]
    takes_over: bool | None = False

    @property
    def resource(self) -> str:
        """The resource's name in the stack."""
        return resource_name(self.urn)

    @property
    def noun(self) -> str:
        """What the resource is, in words."""
        return NOUNS[self.kind]

    @property
    def name(self) -> str:
        """The object's own name, or the resource's if that cannot be seen."""
        settings = self.new or self.old
        match settings:
            case KeySettings():
                return settings.name or self.resource
            case AdminKeySettings():
                return settings.name or self.resource
            case TeamSettings():
                return settings.team_name or self.resource
            case IdentitySettings():
                return settings.identity_name or self.resource
        return self.resource

    def key(self) -> tuple[KeySettings | None, KeySettings | None]:
        """Old and new settings of a key; both `None` for anything else."""
        return _both(self, KeySettings)

    def team(self) -> tuple[TeamSettings | None, TeamSettings | None]:
        """Old and new settings of a team; both `None` for anything else."""
        return _both(self, TeamSettings)

    def user(self) -> tuple[UserSettings | None, UserSettings | None]:
        """Old and new settings of what may use models, a key or a workload identity; both `None` for anything
        else.
        """
        return _both(self, UserSettings)

    def bounded(self) -> tuple[BoundedSettings | None, BoundedSettings | None]:
        """Old and new settings of what has limits and budgets for the use of models; both `None` for anything
        else.
        """
        return _both(self, BoundedSettings)

    def admin_key(self) -> tuple[AdminKeySettings | None, AdminKeySettings | None]:
        """Old and new settings of an admin key; both `None` for anything else."""
        return _both(self, AdminKeySettings)

    def identity(self) -> tuple[IdentitySettings | None, IdentitySettings | None]:
        """Old and new settings of a workload identity; both `None` for anything else."""
        return _both(self, IdentitySettings)

    def policy(self) -> tuple[PolicySettings | None, PolicySettings | None]:
        """Old and new settings of the spending policy; both `None` for anything else."""
        return _both(self, PolicySettings)


def _both(change: PlannedChange, kind: type[Any] | UnionType) -> tuple[Any, Any]:
    old, new = change.old, change.new
    return (old if isinstance(old, kind) else None), (new if isinstance(new, kind) else None)


def changes_of(preview: Preview) -> tuple[PlannedChange, ...]:
    """The changes of this package's resources, in the order of kinds and then of names."""
    takers = _takers(preview.steps)
    by_urn: dict[str, PlannedChange] = {}
    for step in preview.steps:
        state = step.new or step.old
        operation = _OPERATIONS.get(step.op)
        if state is not None and operation and groq_kind(state.type) and step.urn not in by_urn:
            by_urn[step.urn] = _change(step, operation, groq_kind(state.type), takers.get(step.urn, ()))
    order = list(SETTINGS)
    return tuple(sorted(by_urn.values(), key=lambda change: (order.index(change.kind), change.urn)))


def sets_model_limits(preview: Preview) -> bool:
    """Whether a change sets limits of single models, whose use the gateway tells only when asked."""
    return any(field.field == "model_limits" for change in changes_of(preview) for field in change.fields)


def others_of(preview: Preview) -> dict[str, int]:
    """How many other resources the run would touch, by operation; the stack and components are none."""
    counted: dict[str, int] = {}
    for step in preview.steps:
        state = step.new or step.old
        kind = state.type if state else ""
        is_object = state is None or state.custom
        if step.op in _NOT_CHANGES or not is_object or groq_kind(kind) or kind.startswith("pulumi:"):
            continue
        operation = _OPERATIONS.get(step.op, step.op)
        counted[operation] = counted.get(operation, 0) + 1
    return counted


def _change(step: PreviewStep, operation: Operation, kind: str, takers: Sequence[str]) -> PlannedChange:
    old = None if operation == "create" else _settings(kind, step.old, outputs_first=True)
    new = None if operation == "delete" else _settings(kind, step.new, outputs_first=False)
    outputs = step.old.outputs if step.old else {}
    generation = output(outputs, "generation")
    return PlannedChange(
        kind=kind,
        operation=operation,
        urn=step.urn,
        old=old,
        new=new,
        fields=field_changes(old, new) if new is not None else (),
        key_id=_text(output(outputs, "key_id")) if kind == "GroqApiKey" else None,
        generation=int(generation) if isinstance(generation, int | float) else 1,
        downstream=tuple(sorted(set(takers))),
    )


def _settings(kind: str, state: ResourceState | None, *, outputs_first: bool) -> Settings:
    properties: Mapping[str, Any] = {}
    if state is not None:
        # A state's outputs are what the run compares with; a plan has inputs only.
        properties = (state.outputs or state.inputs) if outputs_first else state.inputs
    return SETTINGS[kind].read(properties)


def _takers(steps: Sequence[PreviewStep]) -> dict[str, list[str]]:
    """URN -> names of the resources that take something of it that cannot be read in the preview."""
    takers: dict[str, list[str]] = {}
    for step in steps:
        if step.new is None:
            continue
        for name, urns in (step.new.property_dependencies or {}).items():
            if urns and not is_readable(step.new.inputs.get(name)):
                for urn in urns:
                    takers.setdefault(urn, []).append(resource_name(step.urn))
    return takers


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and is_readable(value) else None
