"""One lifecycle over one run of an engine: property bags in, property bags out."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from pulumi_groq.lifecycle.default_values import without_defaults
from pulumi_groq.lifecycle.properties import (
    SECRETS_CHANGING,
    Checked,
    Properties,
    PropertyDiff,
    dump,
    outputs_beside,
    parse,
)
from pulumi_groq.lifecycle.resource import Lifecycle
from pulumi_groq.lifecycle.rotation_runner import ROTATION_DUE

NOTES: Final = (ROTATION_DUE, SECRETS_CHANGING)
"""What a check adds to the inputs, for the preview to show; no model has it."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object as a read finds it: its state, and the inputs that would declare it so.

    There are no inputs where it is as it was known: engines go on with the last run's then.
    """

    state: dict[str, Any]
    inputs: dict[str, Any] | None


class LifecycleRun:
    """Serves `lifecycle` for the rest of this process, one run of the engine. Unknown values are `UNKNOWN`.

    Neither inputs nor state that it gives hold a default, at any depth; those that it is given may, and are
    compared as if they did not. Thread-safe. Raises what the lifecycle raises.
    """

    def __init__(self, lifecycle: Lifecycle[Any, Any]) -> None:
        self._lifecycle = lifecycle

    @property
    def args(self) -> type[BaseModel]:
        """The model of the resource's arguments."""
        return self._lifecycle.args

    @property
    def state(self) -> type[BaseModel]:
        """The model of the resource's state: arguments plus outputs."""
        return self._lifecycle.state

    def check(self, olds: Properties, news: Properties) -> Checked:
        """Validate `news`, `olds` being the inputs of the last run (empty before the first).

        Where changes are ignored (`ignore_changes=["*"]`), the engine declares the last run's notes anew.
        """
        declared = {
            name: value for name, value in news.items() if name not in NOTES or value != olds.get(name)
        }
        checked = self._lifecycle.check(olds, declared)
        return Checked(without_defaults(self.args, checked.inputs), checked.failures)

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        """Compare checked inputs with the state."""
        known, declared = without_defaults(self.state, state), without_defaults(self.args, inputs)
        return self._lifecycle.diff(resource_id, known, declared)

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        """The outputs that the run may give another value; see Lifecycle."""
        return self._lifecycle.unsettled(state, inputs)

    def create(self, inputs: Properties) -> tuple[str, dict[str, Any]]:
        """Create the object and return its id and state."""
        resource_id, state = self._lifecycle.create(parse(self.args, inputs))
        return resource_id, _slim(state)

    def read(self, resource_id: str, known: Properties) -> Found | None:
        """The object as it is now; `None` when it is gone. A read by id alone comes without a state."""
        state = self._lifecycle.read(resource_id, parse(self.state, known) if self.is_state(known) else None)
        if state is None:
            return None
        found = _slim(state)
        if found == without_defaults(self.state, known):
            return Found(found, None)
        args = self.args.model_validate({name: getattr(state, name) for name in self.args.model_fields})
        return Found(found, _slim(args))

    def is_state(self, properties: Properties) -> bool:
        """Whether `properties` are those of a known object, rather than of one to be read by its id alone."""
        outputs = outputs_beside(self.args, self.state)
        return any(properties.get(name) is not None for name in outputs)

    def update(self, resource_id: str, state: Properties, inputs: Properties) -> dict[str, Any]:
        """Change the object in place and return its state."""
        updated = self._lifecycle.update(resource_id, parse(self.state, state), parse(self.args, inputs))
        return _slim(updated)

    def delete(self, resource_id: str, state: Properties) -> None:
        """Delete the object.

        Engines tell a provider nothing of a replacement that they force (`--replace`): its create took
        the old object over, and the server keeps it, for another claim holds it.
        """
        self._lifecycle.delete(resource_id, parse(self.state, state))


def _slim(model: BaseModel) -> dict[str, Any]:
    return without_defaults(type(model), dump(model))
