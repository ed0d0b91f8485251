"""The package's schema, derived from the models: `make sdk` writes it and the SDKs anew."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from pulumi_groq.lifecycle.admin_key import AdminKeyLifecycle
from pulumi_groq.lifecycle.api_key import ApiKeyLifecycle
from pulumi_groq.lifecycle.placement import NAMES
from pulumi_groq.lifecycle.spend_policy import SpendPolicyLifecycle
from pulumi_groq.lifecycle.team import TeamLifecycle
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityLifecycle
from pulumi_groq.models.spelling import camel
from pulumi_groq.plugin.functions import FUNCTIONS
from pulumi_groq.plugin.kinds import PACKAGE, token
from pulumi_groq.plugin.schema_types import ObjectTypes, Spec
from pulumi_groq.plugin.settings import SECRET_SETTINGS, SETTINGS

SCHEMA_FILE: Final = Path(__file__).parent / "schema.json"

_GIVEN_BY_THE_PLACE: Final = frozenset({"managed_by", "declared_as"})
_RESOURCES: Final[dict[str, tuple[type[BaseModel], type[BaseModel], str]]] = {
    "GroqApiKey": (
        ApiKeyLifecycle.args,
        ApiKeyLifecycle.state,
        "An API key of the gateway, held to its models, rate limits and budget. Everything but the name "
        "changes in place, and the key keeps its value. A limit that is left out is the server's default.",
    ),
    "GroqAdminKey": (
        AdminKeyLifecycle.args,
        AdminKeyLifecycle.state,
        "An admin key: what it may do on the admin plane is its role, for all teams or for named ones. "
        "Everything but the name changes in place, and the key keeps its value.",
    ),
    "GroqTeam": (
        TeamLifecycle.args,
        TeamLifecycle.state,
        "A team. A key of the team may use the models and tools that both its own lists and the team's hold; "
        "the team's limits and budgets are shared by its keys.",
    ),
    "GroqWorkloadIdentity": (
        WorkloadIdentityLifecycle.args,
        WorkloadIdentityLifecycle.state,
        "A workload identity: tokens of an OIDC issuer are exchanged for credentials that live for minutes. "
        "Either its role or its models say for which plane.",
    ),
    "GroqSpendPolicy": (
        SpendPolicyLifecycle.args,
        SpendPolicyLifecycle.state,
        "The spending policy: one for each gateway, so declare it in one stack. "
        "Months are UTC calendar months. Deleting it removes the cap.",
    ),
}


def package_schema() -> Spec:
    """The schema of the package `groq`."""
    types = ObjectTypes()
    resources = {
        token(name): _resource(types, name, args, state, description)
        for name, (args, state, description) in _RESOURCES.items()
    }
    functions = {
        name: {
            "description": function.description,
            "inputs": {"properties": types.properties(function.arguments, "validation")},
            "outputs": {
                "properties": types.properties(function.result, "serialization"),
                "required": _required(function.result),
            },
        }
        for name, function in FUNCTIONS.items()
    }
    return {
        "name": PACKAGE,
        "displayName": "Groq",
        "version": version("pulumi-groq"),
        "description": "Groq access as code: teams' API keys, limits, budgets and the spending policy.",
        "license": "Apache-2.0",
        "config": {"variables": _settings()},
        "provider": {
            "description": "How the gateway's admin API is reached.",
            "inputProperties": _settings(),
        },
        "resources": resources,
        "functions": functions,
        "types": {token(name): spec for name, spec in sorted(types.specs.items())},
        "language": _LANGUAGES,
    }


_LANGUAGES: Final[Spec] = {
    # `pulumi_groq` is the package of the dynamic resources: both may be installed side by side.
    "python": {
        "packageName": "pulumi_groq_sdk",
        "pyproject": {"enabled": True},
        "requires": {"pulumi": ">=3.259,<4"},
        "respectSchemaVersion": True,
    },
    "nodejs": {"packageName": "pulumi-groq-sdk", "respectSchemaVersion": True},
    "go": {"respectSchemaVersion": True},
}


def _resource(
    types: ObjectTypes, name: str, args: type[BaseModel], state: type[BaseModel], description: str
) -> Spec:
    given = {camel(field) for field in _GIVEN_BY_THE_PLACE}
    declared = types.properties(args, "validation")
    return {
        "description": description,
        "properties": types.properties(state, "serialization"),
        "required": _required(state),
        "inputProperties": {field: spec for field, spec in declared.items() if field not in given},
        "requiredInputs": [field for field in _required(args) if field not in map(camel, NAMES)],
        # A stack of the dynamic resources moves over without an alias of its own.
        "aliases": [{"type": f"pulumi-python:dynamic/groq:{name}"}],
    }


def _required(model: type[BaseModel]) -> list[str]:
    return sorted(camel(name) for name, field in model.model_fields.items() if field.is_required())


def _settings() -> dict[str, Any]:
    return {
        name: {
            "type": kind,
            "description": description,
            **({"secret": True} if name in SECRET_SETTINGS else {}),
        }
        for name, (kind, description) in SETTINGS.items()
    }


def written() -> str:
    """The schema as the file holds it."""
    return json.dumps(package_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(*(sys.argv[1:2] or [str(SCHEMA_FILE)])).write_text(written(), encoding="utf-8")
