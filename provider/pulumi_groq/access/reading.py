"""Nodes of a declaration file into models, whatever the file declares; each problem with its line."""

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pulumi_groq.access.document import Node
from pulumi_groq.access.problems import Path, Problems, reworded, unknown

Declared = TypeVar("Declared", bound=BaseModel)


class Reading:
    """Turns nodes into models, and collects what is wrong with them."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def _model(
        self, model: type[Declared], fields: dict[str, Node], node: Node, path: Path, given: dict[str, Any]
    ) -> Declared | None:
        written = {name: field.plain() for name, field in fields.items()}
        try:
            return model.model_validate({**given, **written})
        except ValidationError as errors:
            for error in errors.errors(include_url=False):
                self._report(error, node, path)
        return None

    def _report(self, error: ErrorDetails, node: Node, path: Path) -> None:
        if not error["loc"]:  # of several fields together
            self._problems.add(node.line, path, reworded(error))
            return
        field, *below = error["loc"]
        if not below and field in node.names and error["type"] == "missing":
            return  # the empty field has its own line
        at = (field, *(step for step in below if step != "[key]"))
        self._problems.add(node.line_at(at), (*path, *at), reworded(error))

    def _entries(self, node: Node | None, path: Path) -> Iterator[tuple[str, Node]]:
        if node is not None and not isinstance(node.value, dict):
            self._problems.add(node.line, path, 'must be a mapping: one "name:" a line')
        elif node is not None and isinstance(node.value, dict):
            yield from node.value.items()

    def _mapping(self, node: Node, path: Path, known: set[str]) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        for name, field in self._entries(node, path):
            if name not in known:
                self._problems.add(field.line, (*path, name), unknown(name, known))
            elif field.value is None:
                self._problems.add(field.line, (*path, name), "has no value; write one or take the line out")
            else:
                fields[name] = field
        return fields
