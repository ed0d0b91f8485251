"""A stand-in for Pulumi's engine above a stack of several resources of one kind."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from in_process_gateway import Wire
from pulumi_groq.admin import AdminClient, AdminKeyListing, KeyListing
from pulumi_groq.lifecycle.admin_key import AdminKeyLifecycle
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.properties import dump, parse
from pulumi_groq.lifecycle.resource import Lifecycle, Notify
from pulumi_groq.lifecycle.spend_policy import SpendPolicyLifecycle
from pulumi_groq.lifecycle.team import TeamLifecycle
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityLifecycle


def lifecycle_of(kind: str, client: AdminClient, notify: Notify) -> Lifecycle[Any, Any]:
    """The lifecycle that serves resources of this kind."""
    if kind == "policy":
        return SpendPolicyLifecycle(client, notify)
    if kind == "team":
        return TeamLifecycle(client, notify)
    if kind == "identity":
        return WorkloadIdentityLifecycle(client, notify)
    if kind == "admin key":
        return AdminKeyLifecycle(client, AdminKeyListing(client), notify)
    return ApiKeyLifecycle(client, KeyListing(client), notify)


@dataclass
class Saved:
    """One resource in the state."""

    resource_id: str
    outputs: dict[str, Any]
    inputs: dict[str, Any]


@dataclass
class StandInStack:
    """Saves each resource when its operation returned, as the engine does, and deletes last."""

    kind: str
    address: str
    resources: dict[str, Saved] = field(default_factory=dict)
    replaced: list[Saved] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def up(
        self,
        wire: Wire,
        program: Mapping[str, dict[str, Any]],
        *,
        replace: Collection[str] = (),
        aliases: Mapping[str, str] | None = None,
        targets: Collection[str] | None = None,
    ) -> Wire:
        """`pulumi up`: the program's resources in order, then the deletes; `aliases` are new name -> old."""
        lifecycle = lifecycle_of(self.kind, wire.client(), self.told.append)
        for name, former in (aliases or {}).items():
            if former in self.resources:
                self.resources[name] = self.resources.pop(former)
        for name, arguments in program.items():
            if targets is None or name in targets:
                self._step(lifecycle, name, arguments, forced=name in replace)
        while self.replaced:
            self._delete(lifecycle, self.replaced[0])
            del self.replaced[0]
        for name in [each for each in self.resources if each not in program]:
            if targets is None or name in targets:
                self._delete(lifecycle, self.resources[name])
                del self.resources[name]
        return wire

    def refresh(self, wire: Wire) -> None:
        """`pulumi refresh`."""
        lifecycle = lifecycle_of(self.kind, wire.client(), self.told.append)
        for name, saved in list(self.resources.items()):
            state = lifecycle.read(saved.resource_id, parse(lifecycle.state, saved.outputs))
            if state is None:
                del self.resources[name]
            else:
                inputs = {field: getattr(state, field) for field in lifecycle.args.model_fields}
                read = dump(lifecycle.args.model_validate(inputs))
                self.resources[name] = Saved(saved.resource_id, dump(state), read)

    def _step(
        self, lifecycle: Lifecycle[Any, Any], name: str, arguments: Mapping[str, Any], *, forced: bool
    ) -> None:
        saved = self.resources.get(name)
        declared = {**arguments, "managed_by": self.address, "declared_as": name}
        checked = lifecycle.check(saved.inputs if saved else {}, declared)
        assert checked.failures == ()
        args = parse(lifecycle.args, checked.inputs)
        if saved is None or forced:
            resource_id, state = lifecycle.create(args)
            self.resources[name] = Saved(resource_id, dump(state), checked.inputs)
            self.replaced += [saved] if saved else []
        elif lifecycle.diff(saved.resource_id, saved.outputs, checked.inputs).changed:
            state = lifecycle.update(saved.resource_id, parse(lifecycle.state, saved.outputs), args)
            self.resources[name] = Saved(saved.resource_id, dump(state), checked.inputs)

    def _delete(self, lifecycle: Lifecycle[Any, Any], saved: Saved) -> None:
        lifecycle.delete(saved.resource_id, parse(lifecycle.state, saved.outputs))
