"""Nodes of a declaration file into models, whatever the file declares; each problem with its line."""

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pulumi_groq.access.document import Node
from pulumi_groq.access.problems import NO_VALUE, Path, Problems, reworded, unknown

Declared = TypeVar("Declared", bound=BaseModel)


def fields_at(model: type[BaseModel], place: Sequence[str | int]) -> frozenset[str]:
    """The fields of what `model` holds at `place`; empty where that is no mapping of known fields."""
    held: Any = model
    for step in place:
        if _is_model(held):
            field = held.model_fields.get(step)
            held = _alternative(field.annotation) if field else None
        else:  # an item of a list, a value of a mapping
            items = [each for each in get_args(held) if not isinstance(each, str)]
            held = _alternative(items[-1]) if items else None
    return frozenset(held.model_fields) if _is_model(held) else frozenset()


def _is_model(held: Any) -> bool:
    return isinstance(held, type) and issubclass(held, BaseModel)


def _alternative(annotation: Any) -> Any:
    """`annotation` without what it is annotated with, and without `None`."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = get_args(annotation)[0]
    return annotation


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
                known = fields_at(model, error["loc"][:-1]) if error["type"] == "extra_forbidden" else None
                words = unknown(str(error["loc"][-1]), known) if known else reworded(error)
                self._report(error, words, node, path)
        return None

    def _report(self, error: ErrorDetails, words: str, node: Node, path: Path) -> None:
        if not error["loc"]:  # of several fields together
            self._problems.add(node.line, path, words)
            return
        field, *below = error["loc"]
        if not below and field in node.names and error["type"] == "missing":
            return  # the empty field has its own line
        at = (field, *(step for step in below if step != "[key]"))
        self._problems.add(node.line_at(at), (*path, *at), words)

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
                self._problems.add(field.line, (*path, name), NO_VALUE)
            else:
                fields[name] = field
        return fields
