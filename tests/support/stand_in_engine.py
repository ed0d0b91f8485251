"""A stand-in for Pulumi's engine above one key's lifecycle."""

from collections.abc import Mapping
from typing import Any

from in_process_gateway import Wire
from pulumi_groq.admin import KeyListing
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.key_state import ApiKeyArgs, ApiKeyState
from pulumi_groq.lifecycle.properties import dump, parse
from pulumi_groq.lifecycle.resource import Lifecycle


class Engine:
    """Does with one key's lifecycle what Pulumi's engine does: state is saved when an operation returned."""

    args: type[Any] = ApiKeyArgs

    def __init__(self) -> None:
        self.resource_id = ""
        self.outputs: dict[str, Any] = {}
        self.inputs: dict[str, Any] = {}
        self.told: list[str] = []

    @property
    def exists(self) -> bool:
        return bool(self.resource_id)

    @property
    def state(self) -> Any:
        return parse(ApiKeyState, self.outputs)

    def up(self, wire: Wire, declared: Mapping[str, Any]) -> None:
        """`pulumi up`: check, then create, or diff and update."""
        lifecycle = self._lifecycle(wire)
        checked = lifecycle.check(self.inputs, declared)
        assert checked.failures == ()
        args: Any = parse(self.args, checked.inputs)
        if not self.exists:
            resource_id, state = lifecycle.create(args)
            self._save(resource_id, dump(state), checked.inputs)
        elif lifecycle.diff(self.resource_id, self.outputs, checked.inputs).changed:
            state = lifecycle.update(self.resource_id, self.state, args)
            self._save(self.resource_id, dump(state), checked.inputs)
        else:
            self.inputs = checked.inputs

    def refresh(self, wire: Wire) -> None:
        """`pulumi refresh`."""
        state = self._lifecycle(wire).read(self.resource_id, self.state)
        if state is None:
            self._save("", {}, {})
        else:
            args = self.args.model_validate({name: getattr(state, name) for name in self.args.model_fields})
            self._save(self.resource_id, dump(state), dump(args))

    def destroy(self, wire: Wire) -> None:
        """`pulumi destroy`."""
        self._lifecycle(wire).delete(self.resource_id, self.state)
        self._save("", {}, {})

    def _lifecycle(self, wire: Wire) -> Lifecycle[Any, Any]:
        client = wire.client()
        return ApiKeyLifecycle(client, KeyListing(client), self.told.append)

    def _save(self, resource_id: str, outputs: dict[str, Any], inputs: dict[str, Any]) -> None:
        self.resource_id, self.outputs, self.inputs = resource_id, outputs, inputs
