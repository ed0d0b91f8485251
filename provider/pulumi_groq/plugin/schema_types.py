"""From models to the types of Pulumi's package schema.

The metaschema is `pkg/codegen/schema/pulumi.json` in Pulumi's repository.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from pulumi_groq.models.markers import REPLACE, SECRET, marked
from pulumi_groq.models.spelling import camel, nested_model
from pulumi_groq.plugin.kinds import token
from pulumi_groq.plugin.spelling import respelled

Spec = dict[str, Any]
Mode = Literal["validation", "serialization"]


class ObjectTypes:
    """Writes models as lists of properties, and collects the object types that those refer to."""

    def __init__(self) -> None:
        self.specs: dict[str, Spec] = {}

    def properties(self, model: type[BaseModel], mode: Mode) -> dict[str, Spec]:
        """The fields of `model` in the engine's names: as they are declared, or as they are answered."""
        document = model.model_json_schema(mode=mode)
        return {
            camel(name): self._field(model, name, schema, mode)
            for name, schema in document.get("properties", {}).items()
        }

    def _field(self, model: type[BaseModel], name: str, schema: Mapping[str, Any], mode: Mode) -> Spec:
        nested = nested_model(model, name)
        spec = (
            self._enum(model, name, schema["enum"])
            if "enum" in schema
            else self._type(schema, lambda: self._reference(nested.model if nested else None, mode))
        )
        told = _description(model, name) or _range(schema)
        told = " ".join(filter(None, (told, _default(schema, mode))))
        described = {"description": respelled(told)} if told else {}
        secret = {"secret": True} if name in marked(model, SECRET) else {}
        replaces = {"willReplaceOnChanges": True} if name in marked(model, REPLACE) else {}
        deprecated = model.model_fields[name].deprecated
        retired = {"deprecationMessage": respelled(str(deprecated))} if deprecated else {}
        return {**spec, **described, **secret, **replaces, **retired}

    def _enum(self, model: type[BaseModel], name: str, values: Sequence[str]) -> Spec:
        """The type of a field that has a few `values`, which SDKs offer by name."""
        owner = (
            f"Groq{model.__name__.removesuffix('State')}"
            if model.__name__.endswith("State")
            else model.__name__
        )
        kind = f"{owner}{camel(f'_{name}')}"
        self.specs[kind] = {"type": "string", "enum": [{"value": value} for value in values]}
        return {"$ref": f"#/types/{token(kind)}"}

    def _reference(self, model: type[BaseModel] | None, mode: Mode) -> Spec:
        if model is None:
            raise ValueError("a mapping with fields of its own has a model")
        if model.__name__ not in self.specs:
            required = [camel(name) for name, field in model.model_fields.items() if field.is_required()]
            self.specs[model.__name__] = {
                "type": "object",
                "description": respelled(" ".join((model.__doc__ or "").split())),
                "properties": self.properties(model, mode),
                "required": sorted(required),
            }
        return {"$ref": f"#/types/{token(model.__name__)}"}

    def _type(self, schema: Mapping[str, Any], refer: Callable[[], Spec]) -> Spec:
        if "$ref" in schema:
            return refer()
        if "anyOf" in schema:
            types = [self._type(choice, refer) for choice in _choices(schema)]
            flat = [each for spec in types for each in spec.get("oneOf", [spec])]
            distinct = [spec for index, spec in enumerate(flat) if spec not in flat[:index]]
            return distinct[0] if len(distinct) == 1 else {"oneOf": distinct}
        match schema.get("type"):
            case "array":
                return {"type": "array", "items": self._type(schema["items"], refer)}
            case "object":
                patterned = schema.get("patternProperties", {})  # where names have a pattern
                values = next(iter(patterned.values()), schema.get("additionalProperties"))
                inner = values if isinstance(values, Mapping) else {"type": "string"}
                return {"type": "object", "additionalProperties": self._type(inner, refer)}
            case "integer" | "number" | "boolean" as kind:
                return {"type": kind}
        return {"type": "string"}


def _choices(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [choice for choice in schema["anyOf"] if choice.get("type") != "null"]


def _description(model: type[BaseModel], name: str) -> str:
    """What the field says of itself, or what the class says whose field it overrides."""
    for base in model.__mro__:
        if issubclass(base, BaseModel) and name in base.model_fields:
            described = base.model_fields[name].description
            if described:
                return described
    return ""


def _range(schema: Mapping[str, Any]) -> str:
    """The range or the values that `schema` allows, in one sentence; empty where it allows all."""
    return " ".join(f"{sentence}." for sentence in dict.fromkeys(_ranges(schema)))


def _default(schema: Mapping[str, Any], mode: Mode) -> str:
    # Told, not set: an SDK would send it, and it would show as declared.
    default = schema.get("default")
    declared = mode == "validation" and isinstance(default, bool | int)
    return f"Default: {json.dumps(default)}." if declared else ""


def _ranges(schema: Mapping[str, Any]) -> Iterator[str]:
    if "anyOf" in schema:
        for choice in _choices(schema):
            yield from _ranges(choice)
    if "enum" in schema:
        yield f"One of {', '.join(schema['enum'])}"
    if "const" in schema:
        yield f'Or "{schema["const"]}"'
    for low, high, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
        ("minProperties", "maxProperties", " entries"),
    ):
        if low in schema and high in schema:
            yield f"From {schema[low]:,} to {schema[high]:,}{unit}"
        elif high in schema and schema.get("type") == "number":
            yield f"Above {schema.get('exclusiveMinimum', 0):,}, at most {schema[high]:,}"
        elif high in schema:
            yield f"At most {schema[high]:,}{unit}"
