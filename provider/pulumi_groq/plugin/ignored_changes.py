"""What the program ignores of a resource whose last inputs are those of a dynamic one, in its spelling.

The engine puts the last run's value of each ignored property back, by the plugin's name for it, before it
asks the plugin; where the last run was the dynamic resource's it finds none, and takes the property out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from pulumi_groq.lifecycle.properties import Properties
from pulumi_groq.plugin.spelling import inward


def as_known(
    model: type[BaseModel], state: Properties, inputs: Properties, paths: Iterable[str]
) -> Properties:
    """`inputs` with what they lack of the ignored `paths` as `state` has it, but none within lists."""
    for path in paths:
        names: Any = None
        for name in reversed(path.split(".")):
            names = {name: names}
        inputs = _filled(inputs, state, inward(model, names))
    return inputs


def _filled(inputs: Properties, state: Properties, names: Mapping[str, Any]) -> Properties:
    filled = dict(inputs)
    for name, below in names.items():
        known, declared = state.get(name), inputs.get(name)
        if declared is None and below is None and known is not None:
            filled[name] = known
        elif isinstance(below, Mapping) and isinstance(declared, Mapping) and isinstance(known, Mapping):
            filled[name] = _filled(declared, known, below)
    return filled


def without_copied(news: Mapping[str, Any], olds: Mapping[str, Any]) -> dict[str, Any]:
    """`news` without what is as in `olds`, which were checked by who wrote them.

    What is ignored, the engine declares anew as it is there: in the dynamic resource's spelling, or as a note
    that the last check added.
    """
    return {name: value for name, value in news.items() if name not in olds or value != olds[name]}


def with_required(
    model: type[BaseModel], declared: Mapping[str, Any], olds: Mapping[str, Any]
) -> dict[str, Any]:
    """`declared` with what `model` requires as `olds` have it in a spelling that is not the plugin's."""
    required = (name for name, field in model.model_fields.items() if field.is_required() and "_" in name)
    return {**{name: olds[name] for name in required if name in olds}, **declared}
