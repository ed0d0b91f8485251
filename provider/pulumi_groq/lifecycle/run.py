"""One lifecycle over one run of an engine: property bags in, property bags out."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from pulumi_groq.lifecycle.default_values import without_defaults
from pulumi_groq.lifecycle.properties import Checked, Properties, PropertyDiff, dump, parse
from pulumi_groq.lifecycle.resource import Lifecycle


@dataclass(frozen=True, slots=True)
class Found:
    """An object as a read finds it: its state, and the inputs that would declare it so."""

    state: dict[str, Any]
    inputs: dict[str, Any]


class LifecycleRun:
    """Serves `lifecycle` for the rest of this process, one run of the engine. Unknown values are `UNKNOWN`.

    Inputs hold no default: those of a check and a read are without, and a state or inputs that have them
    are compared as if they had not. Thread-safe. Raises what the lifecycle raises.
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
        """Validate `news`, `olds` being the inputs of the last run (empty before the first)."""
        checked = self._lifecycle.check(olds, news)
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
        return resource_id, dump(state)

    def read(self, resource_id: str, known: Properties) -> Found | None:
        """The object as it is now; `None` when it is gone. A read by id alone comes without a state."""
        state = self._lifecycle.read(resource_id, parse(self.state, known) if self._is_state(known) else None)
        if state is None:
            return None
        args = self.args.model_validate({name: getattr(state, name) for name in self.args.model_fields})
        return Found(dump(state), without_defaults(self.args, dump(args)))

    def _is_state(self, properties: Properties) -> bool:
        required = (name for name, field in self.state.model_fields.items() if field.is_required())
        return all(name in properties for name in required)

    def update(self, resource_id: str, state: Properties, inputs: Properties) -> dict[str, Any]:
        """Change the object in place and return its state."""
        updated = self._lifecycle.update(resource_id, parse(self.state, state), parse(self.args, inputs))
        return dump(updated)

    def delete(self, resource_id: str, state: Properties) -> None:
        """Delete the object.

        Engines tell a provider nothing of a replacement that they force (`--replace`): its create took
        the old object over, and the server keeps it, for another claim holds it.
        """
        self._lifecycle.delete(resource_id, parse(self.state, state))
