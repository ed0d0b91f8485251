"""Names: `snake_case` in the models, `camelCase` for the engine; a mapping's keys stay as written."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from inspect import isclass
from typing import Any, Final, get_args

from pydantic import BaseModel

from pulumi_groq.lifecycle.key_state import ApiKeyState
from pulumi_groq.lifecycle.properties import SECRETS_CHANGING
from pulumi_groq.lifecycle.rotation_runner import ROTATION_DUE
from pulumi_groq.lifecycle.spend_policy import SpendPolicyState
from pulumi_groq.lifecycle.team import TeamState

NOTES: Final = (ROTATION_DUE, SECRETS_CHANGING)
"""What a check adds to the inputs, for the preview to show; no model has it."""

_SNAKE: Final = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def camel(name: str) -> str:
    """`name` as the engine has it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def _fields(model: type[BaseModel]) -> Mapping[str, str]:
    """The names of `model` and its notes by their spelling on the wire."""
    return {camel(name): name for name in (*model.model_fields, *NOTES)}


def inward(model: type[BaseModel], bag: Mapping[str, Any]) -> dict[str, Any]:
    """`bag` in the names of `model`; what neither spelling has a field for is left out.

    Both spellings are read, for a state may be one of the dynamic resources.
    """
    fields = _fields(model)
    known = {fields.get(name, name): value for name, value in bag.items()}
    return {name: _inner(inward, model, name, known[name]) for name in fields.values() if name in known}


def outward(model: type[BaseModel], bag: Mapping[str, Any]) -> dict[str, Any]:
    """`bag`, which has the names of `model`, in the engine's."""
    return {camel(name): _inner(outward, model, name, value) for name, value in bag.items()}


def strangers(model: type[BaseModel], bag: Mapping[str, Any]) -> Iterator[str]:
    """The paths of what a program declares and `model` has no field for, at any depth."""
    fields = {camel(name): name for name in model.model_fields}
    for name, value in bag.items():
        nested = nested_model(model, fields[name]) if name in fields else None
        if name not in fields:
            yield name
        elif nested is not None and isinstance(value, Mapping):
            yield from (f"{name}.{path}" for path in strangers(nested, value))
        elif nested is not None and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from (f"{name}[{index}].{path}" for path in strangers(nested, item))


def respelled(text: str) -> str:
    """A path or a sentence with the names of properties in it as the engine has them."""
    names = _names_of_properties()
    return _SNAKE.sub(lambda found: camel(found[0]) if found[0] in names else found[0], text)


@cache
def _names_of_properties() -> frozenset[str]:
    return _names(ApiKeyState) | _names(TeamState) | _names(SpendPolicyState)


def _names(model: type[BaseModel]) -> frozenset[str]:
    nested = filter(None, (nested_model(model, name) for name in model.model_fields))
    return frozenset(model.model_fields).union(*map(_names, nested))


def nested_model(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of the values of a field, or of the items where it is a list."""
    field = model.model_fields.get(name)
    return _model_in(field.annotation) if field is not None else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _inner(respell: Any, model: type[BaseModel], name: str, value: Any) -> Any:
    nested = nested_model(model, name)
    if nested is None:
        return value
    if isinstance(value, Mapping):
        return respell(nested, value)
    if isinstance(value, list):
        return [respell(nested, item) if isinstance(item, Mapping) else item for item in value]
    return value
