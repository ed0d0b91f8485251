"""What every resource's lifecycle offers to an engine, and what it tells the person at the terminal."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from pydantic import BaseModel

from pulumi_groq.lifecycle.properties import Checked, Properties, PropertyDiff

Notify = Callable[[str], None]
"""Shows one line: a warning, or what is being done. The line never holds a secret."""


ArgsT = TypeVar("ArgsT", bound=BaseModel)
StateT = TypeVar("StateT", bound=BaseModel)


class Lifecycle(Protocol[ArgsT, StateT]):
    """One resource, free of any engine. State is arguments plus outputs.

    `check` and `diff` do no I/O, except to ask whether a declared rotation is due. `read` never writes.
    Every operation raises a `GroqError` with one clear line where it cannot do its work.
    """

    args: type[ArgsT]
    state: type[StateT]

    def check(self, olds: Properties, news: Properties) -> Checked:
        """Validate `news`, `olds` being the inputs of the last run (empty before the first)."""
        ...

    def diff(self, resource_id: str, state: Properties, inputs: Properties) -> PropertyDiff:
        """Compare checked inputs with the state."""
        ...

    def unsettled(self, state: Properties | None, inputs: Properties) -> frozenset[str]:
        """The outputs that a create (no state) or an update to checked `inputs` may give another value.

        Defaults are in neither bag.
        """
        ...

    def create(self, args: ArgsT) -> tuple[str, StateT]:
        """Create the object and return its id and state; a create whose answer was lost is taken over."""
        ...

    def read(self, resource_id: str, state: StateT | None) -> StateT | None:
        """The object as it is now; `None` when it is gone. Without a state the id is all that is known."""
        ...

    def update(self, resource_id: str, state: StateT, args: ArgsT) -> StateT:
        """Change the object in place."""
        ...

    def delete(self, resource_id: str, state: StateT) -> None:
        """Delete the object; one that is gone counts as deleted."""
        ...
