"""Inputs and state without defaults: what nobody declared shows in no preview and in no imported program."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pulumi_groq.lifecycle.properties import defaults
from pulumi_groq.models.spelling import below


def without_defaults(model: type[BaseModel], bag: Mapping[str, Any]) -> dict[str, Any]:
    """`bag` without what is empty or as `model` has it where nothing is declared."""
    usual = defaults(model)
    slim = {name: below(without_defaults, model, name, value) for name, value in bag.items()}
    return {name: value for name, value in slim.items() if not _is_usual(value, usual.get(name))}


def with_defaults(model: type[BaseModel], bag: Mapping[str, Any]) -> dict[str, Any]:
    """`bag` with what `model` has where nothing is declared."""
    full = {name: below(with_defaults, model, name, value) for name, value in bag.items()}
    return {**defaults(model), **full}


def with_default(model: type[BaseModel], name: str, value: Any) -> Any:
    """`value` of the field `name` with what `model` has in it, or for it, where nothing is declared."""
    return with_defaults(model, {} if value is None else {name: value}).get(name)


def _is_usual(value: Any, usual: Any) -> bool:
    # A whole number may come as a double; true and false are no numbers.
    return value in (None, []) or (value == usual and isinstance(value, bool) == isinstance(usual, bool))
