"""The OpenAPI document says what is served."""

from typing import Any

import pytest

from admin_plane import Api


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    answer: dict[str, Any] = api.portal.call(api._call, "GET", "http://gateway/openapi.json", {}).json()
    return answer


TOKEN_PATH = "/openai/v1/auth/token"


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """All but the exchange of tokens, which is OAuth's."""
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path != TOKEN_PATH
    ]


def test_the_exchange_of_tokens_is_a_form_without_credentials(document: dict[str, Any]) -> None:
    """With its parameters, its answer and OAuth's errors."""
    operation = document["paths"][TOKEN_PATH]["post"]
    assert operation["security"] == []
    (form,) = operation["requestBody"]["content"].items()
    assert form == (
        "application/x-www-form-urlencoded",
        {"schema": {"$ref": "#/components/schemas/TokenExchangeForm"}},
    )
    required = document["components"]["schemas"]["TokenExchangeForm"]["required"]
    assert required == ["grant_type", "subject_token", "subject_token_type"]
    refused = {"$ref": "#/components/schemas/TokenExchangeError"}
    answers = operation["responses"]
    schemas = {status: answers[status]["content"]["application/json"]["schema"] for status in answers}
    assert schemas.pop("200") == {"$ref": "#/components/schemas/TokenExchangeAnswer"}
    assert schemas == dict.fromkeys(("400", "405", "408", "413", "415", "429", "503"), refused)


def test_every_operation_needs_the_admin_key(document: dict[str, Any]) -> None:
    """Bearer authentication, declared once for all."""
    assert document["security"] == [{"adminKey": []}]
    assert document["components"]["securitySchemes"]["adminKey"]["scheme"] == "bearer"
    assert [path for _, path, operation in operations(document) if "security" in operation] == []


def test_every_error_is_documented_in_the_envelope(document: dict[str, Any]) -> None:
    """Whatever the status."""
    envelope = {"$ref": "#/components/schemas/ErrorBody"}
    schemas = [
        response["content"]["application/json"]["schema"]
        for _, _, operation in operations(document)
        for status, response in operation["responses"].items()
        if status >= "400"
    ]
    assert schemas == [envelope] * len(schemas)


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("post", "/api-keys", {"201", "400", "401", "403", "404", "408", "409", "413", "415", "429", "503"}),
        ("get", "/api-keys", {"200", "400", "401", "403", "429", "503"}),
        (
            "patch",
            "/api-keys/{key_id}",
            {"200", "400", "401", "403", "404", "408", "409", "413", "415", "429", "503"},
        ),
        ("delete", "/api-keys/{key_id}", {"200", "400", "401", "403", "404", "409", "429", "503"}),
        (
            "put",
            "/teams/{name}",
            {"200", "400", "401", "403", "404", "408", "409", "413", "415", "429", "503"},
        ),
        ("delete", "/teams/{name}", {"200", "400", "401", "403", "404", "409", "429", "503"}),
        ("put", "/spend-policy", {"200", "400", "401", "403", "408", "409", "413", "415", "429", "503"}),
        ("delete", "/spend-policy", {"200", "400", "401", "403", "404", "429", "503"}),
        ("get", "/usage", {"200", "400", "401", "403", "429", "503"}),
        ("get", "/usage/buckets", {"200", "400", "401", "403", "429", "503"}),
        ("get", "/changes", {"200", "400", "401", "403", "429", "503"}),
    ],
)
def test_every_status_is_documented(document: dict[str, Any], method: str, path: str, statuses: Any) -> None:
    """And none that is never given."""
    assert document["paths"][f"/openai/v1{path}"][method]["responses"].keys() == statuses


def test_parameters_are_documented(document: dict[str, Any]) -> None:
    """Idempotency-Key, the filters, the cursor, the question of a delete."""
    named = {
        (method, path.removeprefix("/openai/v1"), parameter["name"])
        for method, path, operation in operations(document)
        for parameter in operation.get("parameters", [])
    }
    assert named >= {
        ("post", "/api-keys", "Idempotency-Key"),
        *(("get", "/api-keys", name) for name in ("after", "limit", "name", "managed_by", "team")),
        ("delete", "/api-keys/{key_id}", "unless_used_within_s"),
    }


def test_only_the_create_answer_holds_a_value(document: dict[str, Any]) -> None:
    """No other schema has the field."""
    holders = [
        name
        for name, schema in document["components"]["schemas"].items()
        if "api_key" in schema.get("properties", {})
    ]
    assert holders == ["ApiKeyCreated"]


def test_every_schema_is_used(document: dict[str, Any]) -> None:
    """Nothing is left of what the framework would answer by itself."""
    text = str(document)
    unused = [name for name in document["components"]["schemas"] if f"schemas/{name}'" not in text]
    assert unused == []


def test_every_parameter_and_field_says_what_it_means(document: dict[str, Any]) -> None:
    """No parameter of an operation and no field of a schema is without a description."""
    parameters = [
        f"{path} {parameter['name']}"
        for _, path, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not _described(parameter) and not _described(parameter["schema"])
    ]
    fields = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, shape in schema.get("properties", {}).items()
        if not _described(shape)
    ]
    assert (parameters, fields) == ([], [])


def _described(shape: dict[str, Any]) -> bool:
    """FastAPI drops a description beside a reference, whose schema has one, and of what may be null."""
    return bool(
        shape.get("description")
        or shape.get("$ref")
        or any(_described(one) for one in shape.get("anyOf", []))
    )
