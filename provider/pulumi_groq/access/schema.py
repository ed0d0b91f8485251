"""The JSON Schema of access.yaml, written from the models: what an editor completes and checks."""

import json
import sys
from typing import Any, Final

from pydantic import BaseModel

from pulumi_groq.access.model import (
    DeclaredAdminKey,
    DeclaredIdentity,
    DeclaredKey,
    DeclaredSpendPolicy,
    DeclaredTeam,
)
from pulumi_groq.models.fields import LARGEST_AMOUNT_USD
from pulumi_groq.models.markers import BY_PLACE, SECRET, marked

FILE_NAME: Final = "access.schema.json"
"""Where the schema lies, beside the access file."""

FIRST_LINE: Final = f"# yaml-language-server: $schema={FILE_NAME}"
"""How an access file names its schema: editors with the YAML language server read this comment."""

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"  # the newest that the language server knows whole
_AMOUNT: Final[dict[str, Any]] = {"type": "number", "exclusiveMinimum": 0, "maximum": int(LARGEST_AMOUNT_USD)}
_BOUNDS: Final[dict[str, str]] = {
    "ge": "minimum",
    "le": "maximum",
}  # pydantic names them so below a validator


def access_schema() -> dict[str, Any]:
    """The schema of a whole access file."""
    definitions: dict[str, Any] = {}
    key = _fields_of(DeclaredKey, definitions, optional=frozenset({"allowed_models"}))
    team = _fields_of(DeclaredTeam, definitions)
    team["properties"]["keys"] = _by_name(
        "The team's keys, each under its name, which is unique in the file.", "key"
    )
    definitions["key"] = key
    definitions["team"] = team
    definitions["admin_key"] = _fields_of(DeclaredAdminKey, definitions)
    definitions["workload_identity"] = _fields_of(DeclaredIdentity, definitions)
    return {
        "$schema": _DIALECT,
        "title": "access.yaml",
        "description": "Who may use Groq, and how much, and who may change that.",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "teams": _by_name("The teams, each under its name.", "team"),
            "spend_policy": _fields_of(DeclaredSpendPolicy, definitions),
            "admin_keys": _by_name("Credentials of the admin plane, each under its name.", "admin_key"),
            "workload_identities": _by_name(
                "Whose OIDC tokens are trusted, and what for, each under its name.", "workload_identity"
            ),
        },
        "definitions": definitions,
    }


def _by_name(description: str, definition: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"minLength": 1, "maxLength": 128},
        "additionalProperties": {"$ref": f"#/definitions/{definition}"},
    }


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(access_schema(), indent=2, ensure_ascii=False) + "\n"


def _fields_of(
    model: type[BaseModel], definitions: dict[str, Any], optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """What may stand in the file for `model`; what its fields refer to goes into `definitions`."""
    made: dict[str, Any] = model.model_json_schema(ref_template="#/definitions/{model}")
    hidden = marked(model, BY_PLACE) | marked(model, SECRET)
    definitions |= {name: _plain(below) for name, below in made.pop("$defs", {}).items()}
    shape = {
        "type": "object",
        "description": made["description"],
        "additionalProperties": False,
        "properties": {
            name: _plain(field) for name, field in made["properties"].items() if name not in hidden
        },
    }
    required = [name for name in made.get("required", ()) if name not in hidden | optional]
    return {**shape, "required": required} if required else shape


def _plain(shape: Any) -> Any:
    """`shape` without titles and defaults, and without null: an access file leaves out what is not set."""
    if isinstance(shape, list):
        return [_plain(item) for item in shape]
    if not isinstance(shape, dict):
        return shape
    named: dict[str, Any] = {_BOUNDS.get(str(name), str(name)): below for name, below in shape.items()}
    made: dict[str, Any] = {
        name: {field: _plain(below) for field, below in value.items()}
        if name == "properties"
        else _plain(value)
        for name, value in named.items()
        if name == "properties" or name not in {"title", "default"}
    }
    if made.get("type") == "number":
        made |= _AMOUNT  # every number with a fraction is one of US dollars, and a validator bounds it
    choices = made.get("anyOf")
    if choices is not None:
        left = [choice for choice in choices if choice != {"type": "null"}]
        if len(left) == 1:
            del made["anyOf"]
            return {**left[0], **made}
        made["anyOf"] = left
    return made


if __name__ == "__main__":
    sys.stdout.write(schema_text())
