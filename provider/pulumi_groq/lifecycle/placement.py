"""Where a resource is declared: what the server keeps to tell one stack's objects from another's."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from pulumi_groq.lifecycle.properties import Properties

NAMES: Final = ("name", "team_name", "identity_name")
"""The arguments that are the resource's name where they are left out."""


@dataclass(frozen=True, slots=True)
class Place:
    """A resource's name in its stack, and where that stack is; `parents` are the types that it lies below,
    outermost first, as a URN joins them: `acme:site:Shop$acme:service:Chatbot`.
    """

    organization: str
    project: str
    stack: str
    name: str
    parents: str = ""

    @property
    def managed_by(self) -> str:
        """The stack: `organization/project/stack`."""
        return f"{self.organization}/{self.project}/{self.stack}"

    @property
    def declared_as(self) -> str:
        """The resource's address inside its stack, unique as its URN: its name, below its parents' types."""
        return f"{self.parents}${self.name}" if self.parents else self.name

    def fill(self, args: type[BaseModel], declared: Properties) -> dict[str, Any]:
        """`declared` with what `args` take from the place: the address, and the name where none is given."""
        address = {"managed_by": self.managed_by, "declared_as": self.declared_as}
        names = {name: self.name for name in NAMES if declared.get(name) is None}
        filled = {name: value for name, value in {**names, **address}.items() if name in args.model_fields}
        return {**declared, **filled}
