"""The package's schema, as SDKs are generated from it."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from pulumi_groq.models.spelling import camel
from pulumi_groq.plugin.schema import SCHEMA_FILE, written
from pulumi_groq.plugin.schema_types import ObjectTypes

SDKS = Path(__file__).parents[2] / "sdk"
SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
KEY = SCHEMA["resources"]["groq:index:GroqApiKey"]


def test_the_schema_is_that_of_the_models() -> None:
    """After a change of a model: `make sdk`."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == written()


def test_secrets_and_replacements_are_marked() -> None:
    """As the models mark them."""
    policy = SCHEMA["resources"]["groq:index:GroqSpendPolicy"]
    assert KEY["properties"]["apiKey"]["secret"]
    assert SCHEMA["resources"]["groq:index:GroqAdminKey"]["properties"]["adminKey"]["secret"]
    assert policy["inputProperties"]["alertWebhookUrls"]["secret"]
    assert policy["inputProperties"]["alertWebhookSigningSecret"]["secret"]
    assert KEY["inputProperties"]["name"]["willReplaceOnChanges"]
    assert SCHEMA["provider"]["inputProperties"]["adminKey"]["secret"]


every_resource = pytest.mark.parametrize(
    "name", ["GroqApiKey", "GroqAdminKey", "GroqTeam", "GroqWorkloadIdentity", "GroqSpendPolicy"]
)


def test_a_program_declares_neither_its_stack_nor_its_address() -> None:
    """They follow from where the resource is; a name does where none is given."""
    assert not {"managedBy", "declaredAs"} & KEY["inputProperties"].keys()
    assert KEY["requiredInputs"] == ["allowedModels"]


@pytest.mark.parametrize(
    "name", ["GroqApiKey", "GroqAdminKey", "GroqTeam", "GroqWorkloadIdentity", "GroqSpendPolicy"]
)
def test_each_resource_takes_over_the_dynamic_one(name: str) -> None:
    """The alias is part of the SDK."""
    aliases = SCHEMA["resources"][f"groq:index:{name}"]["aliases"]
    assert aliases == [{"type": f"pulumi-python:dynamic/groq:{name}"}]


def test_a_mapping_of_names_with_a_pattern_has_its_model() -> None:
    """Typed languages and the names in Python's mappings hang on it."""
    limits = KEY["inputProperties"]["modelLimits"]
    assert limits["additionalProperties"] == {"$ref": "#/types/groq:index:ModelLimits"}


def test_limits_are_numbers_or_unlimited_and_say_their_range() -> None:
    """Both types are allowed, and the description says which values."""
    limit = KEY["inputProperties"]["requestsPerMinute"]
    assert limit["oneOf"] == [{"type": "integer"}, {"type": "string"}]
    assert "1,000,000,000" in limit["description"]
    assert "unlimited" in limit["description"]


def test_a_few_values_are_an_enum_and_what_goes_says_so() -> None:
    """SDKs offer the values by name; a deprecated field carries the models' own words."""
    assert KEY["properties"]["status"]["$ref"] == "#/types/groq:index:GroqApiKeyStatus"
    values = [each["value"] for each in SCHEMA["types"]["groq:index:GroqApiKeyStatus"]["enum"]]
    assert values == ["active", "disabled", "expired", "paused", "deleted"]

    class Sample(BaseModel):
        old_limit: Annotated[int | None, Field(deprecated="use `requests_per_minute`")] = None

    spec = ObjectTypes().properties(Sample, "validation")["oldLimit"]
    assert spec["deprecationMessage"] == "use `requestsPerMinute`"


def test_every_reference_has_its_type() -> None:
    """Nothing refers to a type that is not there, and no type is there in vain."""

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"].removeprefix("#/types/")} if "$ref" in value else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(SCHEMA) == SCHEMA["types"].keys()


@pytest.mark.parametrize(
    "name", ["GroqApiKey", "GroqAdminKey", "GroqTeam", "GroqWorkloadIdentity", "GroqSpendPolicy"]
)
def test_the_sdks_have_every_property(name: str) -> None:
    """After a change of the schema they are generated anew: `make sdk`."""
    resource = SCHEMA["resources"][f"groq:index:{name}"]
    node = (SDKS / "nodejs" / f"{name[0].lower()}{name[1:]}.ts").read_text(encoding="utf-8")
    module = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    python = (SDKS / "python" / "pulumi_groq_sdk" / f"{module}.py").read_text(encoding="utf-8")
    assert set(re.findall(r"readonly (\w+): pulumi", node)) == resource["properties"].keys()
    assert set(re.findall(r'resourceInputs\["(\w+)"\] = args', node)) <= resource["inputProperties"].keys()
    in_python = set(re.findall(r'__props__\.__dict__\["(\w+)"\]', python))
    assert set(map(camel, in_python)) == resource["properties"].keys()
