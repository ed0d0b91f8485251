"""What the plugin reads and says in the engine's spelling, beyond the names of one model's fields."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from pulumi_groq.lifecycle.admin_key import AdminKeyState
from pulumi_groq.lifecycle.key_state import ApiKeyState
from pulumi_groq.lifecycle.run import NOTES
from pulumi_groq.lifecycle.spend_policy import SpendPolicyState
from pulumi_groq.lifecycle.team import TeamState
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityState
from pulumi_groq.models import spelling
from pulumi_groq.models.spelling import Nested, camel, nested_model

_SNAKE: Final = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


def inward(model: type[BaseModel], bag: Mapping[str, Any]) -> dict[str, Any]:
    """`bag`, in either spelling, in the names of `model`, with what a check noted."""
    return spelling.inward(model, bag, NOTES)


def strangers(model: type[BaseModel], bag: Mapping[str, Any]) -> Iterator[str]:
    """The paths of what a program declares and `model` has no field for, at any depth.

    A name with a number in it may come as the model has it: Pulumi's generator for Python writes
    `per10` for `per_10`, so its SDK sends on what a program calls `per_10`.
    """
    fields = {camel(name): name for name in model.model_fields}
    fields |= {name: name for name in model.model_fields if any(map(str.isdigit, name))}
    for name, value in bag.items():
        if name not in fields:
            yield name
            continue
        nested = nested_model(model, fields[name])
        if nested is not None:
            for path, part in _parts(nested, value):
                yield from (f"{name}{path}.{inner}" for inner in strangers(nested.model, part))


def _parts(nested: Nested, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The mappings in `value` that `nested` describes, each with its path below the field."""
    if isinstance(value, list):
        found = [(f"[{index}]", item) for index, item in enumerate(value)]
    elif isinstance(value, Mapping) and nested.is_keyed:
        found = [(f'["{key}"]', item) for key, item in value.items()]
    else:
        found = [("", value)]
    yield from ((path, item) for path, item in found if isinstance(item, Mapping))


def respelled(text: str) -> str:
    """A path or a sentence with the names of properties in it as the engine has them."""
    names = _names_of_properties()
    return _SNAKE.sub(lambda found: camel(found[0]) if found[0] in names else found[0], text)


@cache
def _names_of_properties() -> frozenset[str]:
    states = (ApiKeyState, TeamState, SpendPolicyState, AdminKeyState, WorkloadIdentityState)
    return frozenset(NOTES).union(*(_names(state) for state in states))


def _names(model: type[BaseModel]) -> frozenset[str]:
    nested = filter(None, (nested_model(model, name) for name in model.model_fields))
    return frozenset(model.model_fields).union(*(_names(each.model) for each in nested))
