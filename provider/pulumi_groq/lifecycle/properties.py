"""Property bags in and out of models: validation with unknowns, canonical dumps, derived diffs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError, create_model
from pydantic_core import ErrorDetails

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.models.markers import ONCE, REPLACE, marked
from pulumi_groq.models.requirements import requirement

Properties = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""Stands for a value that is known only after the run; anything holding it counts as unknown."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an input cannot be used; `property` is its path, such as `allowed_models[1]`."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Inputs in canonical form, unknown ones unchanged, and what is wrong with them."""

    inputs: dict[str, Any]
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class PropertyDiff:
    """What differs between state and inputs, as sorted field names."""

    changed: tuple[str, ...]
    replaces: tuple[str, ...]

    @property
    def delete_before_replace(self) -> bool:
        """Whether a replacement deletes first: one that no property asks for keeps name and address.

        Two objects cannot share those (`replace_on_changes` and `--replace` ask for such a one).
        """
        return not self.replaces


def is_unknown(value: Any) -> bool:
    """Whether `value` is `UNKNOWN` or holds it at any depth."""
    if isinstance(value, Mapping):
        return any(is_unknown(item) for item in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(is_unknown(item) for item in value)
    return value is UNKNOWN


def check_inputs(model: type[BaseModel], news: Properties) -> Checked:
    """Validate the known inputs of `news` as fields of `model`; unknown ones pass untouched.

    A rule over several fields applies as soon as all of them are known.
    """
    unknown = {name: value for name, value in news.items() if is_unknown(value)}
    known = {name: value for name, value in news.items() if name not in unknown and value is not None}
    try:
        validated = _without(model, unknown).model_validate(known)
    except ValidationError as error:
        return Checked(dict(news), tuple(_failure(item) for item in error.errors(include_url=False)))
    inputs = {name: value for name, value in dump(validated).items() if name not in unknown}
    return Checked({**inputs, **unknown}, ())


SECRETS_CHANGING: Final = "secrets_changing"
"""The input that a check adds: which secret inputs change, in words, because a preview does not show it."""


def name_changing_secrets(words: Mapping[str, str], olds: Properties, checked: Checked) -> Checked:
    """Add to the inputs which secret ones differ from `olds`, those of the last run, without their values.

    `words` has, for each secret input, the words that say that it changes.
    """
    if checked.failures:
        return checked
    inputs = checked.inputs
    changing = [
        said
        for name, said in words.items()
        if name in olds and name in inputs and not is_unknown(inputs[name]) and olds[name] != inputs[name]
    ]
    return Checked({**inputs, SECRETS_CHANGING: changing} if changing else inputs, ())


def _without(model: type[BaseModel], unknown: Properties) -> type[BaseModel]:
    fields: dict[str, Any] = {name: (Any, None) for name in unknown if name in model.model_fields}
    return create_model(model.__name__, __base__=model, **fields) if fields else model


def _failure(error: ErrorDetails) -> Failure:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    unknown = error["type"] == "extra_forbidden"
    return Failure(path, "is not a property of this resource" if unknown else requirement(error))


def dump(model: BaseModel) -> dict[str, Any]:
    """`model` as plain properties; what is unset or empty is left out, so that it never shows as a change."""
    values = model.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in values.items() if value not in ({}, [])}


@cache  # it looks into the signature of each factory
def defaults(model: type[BaseModel]) -> Mapping[str, Any]:
    """What the fields of `model` are when nobody declares them; empty and unset ones are left out."""
    optional = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    values = {name: field.get_default(call_default_factory=True) for name, field in optional.items()}
    return MappingProxyType({name: value for name, value in values.items() if value not in (None, {}, [])})


def outputs_beside(args: type[BaseModel], state: type[BaseModel]) -> frozenset[str]:
    """The fields that `state` adds to `args`."""
    return frozenset(state.model_fields.keys() - args.model_fields.keys())


def parse(model: type[M], properties: Properties) -> M:
    """`properties` as `model`, without unknown names: a state may come from another release.

    Raises ConfigurationError, without a value, where they do not fit.
    """
    known = {name: properties[name] for name in model.model_fields if name in properties}
    try:
        return model.model_validate(known)
    except ValidationError as error:
        misfit = _failure(error.errors(include_url=False)[0])
    what = misfit.property or "the resource"
    raise ConfigurationError(
        f"{what} {misfit.reason}, and is not so in the stack's state or at the gateway: use the release of "
        "pulumi-groq that wrote it, or a later one; a state that was edited is put right with "
        "`pulumi stack export` and `pulumi stack import`"
    )


def compare(args: type[BaseModel], state: Properties, inputs: Properties) -> PropertyDiff:
    """The fields of `args` that differ between two canonical bags; an unknown input counts as different."""
    changed = [
        name
        for name in sorted(args.model_fields.keys() - marked(args, ONCE))
        if is_unknown(inputs.get(name)) or state.get(name) != inputs.get(name)
    ]
    replaces = [name for name in changed if name in marked(args, REPLACE)]
    return PropertyDiff(tuple(changed), tuple(replaces))
