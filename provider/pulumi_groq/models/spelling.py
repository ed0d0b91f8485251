"""Names of fields in Pulumi's spelling: `snake_case` in the models, `camelCase` for the engine.

Keys of a mapping, such as labels or ids of models, are nobody's fields and stay as written.
"""

from collections.abc import Callable, Mapping
from functools import cache
from inspect import isclass
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel


def camel(name: str) -> str:
    """`name` as the engine has it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class Nested(NamedTuple):
    """The model of the values of a field, or of those in its list or, if `is_keyed`, its mapping."""

    model: type[BaseModel]
    is_keyed: bool = False


@cache
def nested_model(model: type[BaseModel], name: str) -> Nested | None:
    """The model below the field `name`; `None` where there is none."""
    field = model.model_fields.get(name)
    return _model_in(field.annotation) if field is not None else None


def _model_in(annotation: Any) -> Nested | None:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        return Nested(annotation)
    inner = next(filter(None, map(_model_in, get_args(annotation))), None)
    return Nested(inner.model, is_keyed=True) if inner and get_origin(annotation) is dict else inner


Rule = Callable[[type[BaseModel], Mapping[str, Any]], Any]


def below(rule: Rule, model: type[BaseModel], name: str, value: Any) -> Any:
    """`value` of the field `name` with `rule` applied to each mapping in it that has a model."""
    nested = nested_model(model, name)
    if nested is None:
        return value
    if isinstance(value, list):
        return [rule(nested.model, item) if isinstance(item, Mapping) else item for item in value]
    if not isinstance(value, Mapping):
        return value
    if not nested.is_keyed:
        return rule(nested.model, value)
    return {
        key: rule(nested.model, item) if isinstance(item, Mapping) else item for key, item in value.items()
    }


def outward(model: type[BaseModel], bag: Mapping[str, Any]) -> dict[str, Any]:
    """`bag`, which has the names of `model`, in the engine's."""
    return {camel(name): below(outward, model, name, value) for name, value in bag.items()}


def inward(model: type[BaseModel], bag: Mapping[str, Any], beyond: tuple[str, ...] = ()) -> dict[str, Any]:
    """`bag` in the names of `model` and those `beyond` it; what neither spelling has one for is left out.

    Both spellings are read, for a state may be one of the dynamic resources or of the plugin.
    """
    names = _names(model, beyond)
    known = {names.get(name, name): value for name, value in bag.items()}
    return {name: below(inward, model, name, known[name]) for name in names.values() if name in known}


@cache
def _names(model: type[BaseModel], beyond: tuple[str, ...]) -> Mapping[str, str]:
    return {camel(name): name for name in (*model.model_fields, *beyond)}
