"""Requests made from the gateway's own OpenAPI document: right ones, wrong ones, and their answers."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from gateway_process import Server

EXAMPLES = 40
ADMIN_KEY = "admin-key-of-the-contract-tests"
KEY = {"name": "chatbot-prod", "allowed_models": ["llama-3.1-8b-instant"]}
ADMIN = {"name": "preview", "role": "viewer"}
POLICY = {"monthly_cap_usd": 500.5, "alert_thresholds_usd": [100, 250.25]}
TEAM = "research"
REFUSALS = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
"""Answers to wrong data; 413 where the value that is too long makes the body too large."""
IDENTITY = {
    "issuer": "https://token.actions.githubusercontent.com",
    "audience": "https://gateway.example.com",
    "claims": {"sub": "repo:acme/infra:environment:production"},
    "admin_role": "viewer",
}
OPERATIONS = [
    ("/openai/v1/admin-keys", "GET"),
    ("/openai/v1/admin-keys", "POST"),
    ("/openai/v1/admin-keys/{key_id}", "DELETE"),
    ("/openai/v1/admin-keys/{key_id}", "GET"),
    ("/openai/v1/admin-keys/{key_id}", "PATCH"),
    ("/openai/v1/api-keys", "GET"),
    ("/openai/v1/api-keys", "POST"),
    ("/openai/v1/api-keys/{key_id}", "DELETE"),
    ("/openai/v1/api-keys/{key_id}", "GET"),
    ("/openai/v1/api-keys/{key_id}", "PATCH"),
    ("/openai/v1/api-keys/{key_id}/consumers", "GET"),
    ("/openai/v1/api-keys/{key_id}/pause", "DELETE"),
    ("/openai/v1/auth/token", "POST"),
    ("/openai/v1/changes", "GET"),
    ("/openai/v1/models", "GET"),
    ("/openai/v1/spend-policy", "DELETE"),
    ("/openai/v1/spend-policy", "GET"),
    ("/openai/v1/spend-policy", "PUT"),
    ("/openai/v1/teams", "GET"),
    ("/openai/v1/teams/{name}", "DELETE"),
    ("/openai/v1/teams/{name}", "GET"),
    ("/openai/v1/teams/{name}", "PUT"),
    ("/openai/v1/usage", "GET"),
    ("/openai/v1/usage/buckets", "GET"),
    ("/openai/v1/usage/denials", "GET"),
    ("/openai/v1/workload-identities", "GET"),
    ("/openai/v1/workload-identities/{name}", "DELETE"),
    ("/openai/v1/workload-identities/{name}", "GET"),
    ("/openai/v1/workload-identities/{name}", "PUT"),
]


@pytest.fixture(scope="module")
def document(one_server: Server) -> OpenApiSchema:
    """The document as it is served; the same requests are made from it in every run."""
    config = SchemathesisConfig.from_dict(
        {"seed": 20261123, "checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
    )
    return schemathesis.openapi.from_url(f"{one_server.url}/openapi.json", config=config)


def test_every_operation_is_fuzzed(document: OpenApiSchema) -> None:
    """A new operation is added to the list above."""
    served = [result.ok() for result in document.get_all_operations() if isinstance(result, Ok)]
    assert sorted((operation.path, operation.method.upper()) for operation in served) == OPERATIONS


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_documented(
    one_server: Server, document: OpenApiSchema, path: str, method: str, mode: Any
) -> None:
    """No 5xx; documented statuses, bodies, headers and media types; wrong data refused.

    Not asked for: that right data is accepted (a document cannot say which models have a price), and the
    refusal without a key, which has tests of its own.
    """
    with one_server.client() as client:

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=document[path][method].as_strategy(generation_mode=mode))
        def answers_as_documented(case: schemathesis.Case[Any]) -> None:
            if mode is GenerationMode.POSITIVE:
                _point_at_what_exists(case, client)
            assume([] not in (case.query or {}).values())  # an empty list leaves no trace in a URL
            case.call_and_validate(
                headers={"authorization": f"Bearer {ADMIN_KEY}"},
                timeout=60,
                excluded_checks=[positive_data_acceptance, ignored_auth],
            )

        answers_as_documented()


def _point_at_what_exists(case: schemathesis.Case[Any], client: httpx.Client) -> None:
    """Without this, nearly all made-up ids, models and amounts end in a refusal."""
    if "key_id" in case.path_parameters:
        admin = "/admin-keys" in case.path
        made = client.post("/admin-keys", json=ADMIN) if admin else client.post("/api-keys", json=KEY)
        case.path_parameters["key_id"] = made.json()["id"]
    if "/workload-identities" in case.path and "name" in case.path_parameters:
        assert client.put(f"/workload-identities/{TEAM}", json=IDENTITY).is_success
        case.path_parameters["name"] = TEAM
    elif "name" in case.path_parameters:
        client.put(f"/teams/{TEAM}", json={"allowed_models": KEY["allowed_models"]})
        case.path_parameters["name"] = TEAM
    if case.path.endswith("/spend-policy"):
        client.put("/spend-policy", json=POLICY)
    if isinstance(case.body, dict):
        for name in ("team", "replaces", "expires_at", "alert_webhook_urls"):
            case.body.pop(name, None)
        possible: dict[str, Any] = POLICY | {"allowed_models": KEY["allowed_models"]}
        case.body |= {name: possible[name] for name in possible.keys() & case.body.keys()}
