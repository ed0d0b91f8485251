"""The exchange of tokens in the OpenAPI document: a form without credentials, errors of OAuth's shape."""

from typing import Any, Final

from pydantic import BaseModel

from pulumi_groq.models.token_exchange import TokenExchangeAnswer, TokenExchangeError, TokenExchangeForm

_MEANINGS: Final = {
    "400": "The form is at fault, or the token is not accepted: `error_description` says why.",
    "405": "It is asked for by POST.",
    "408": "The body did not arrive in time.",
    "413": "The body is larger than 32 KiB.",
    "415": "The body is not declared as a form, or compressed.",
    "429": "Too many tokens from this address were refused: `retry-after` says how long to wait.",
    "503": "The issuer's keys cannot be had, or the store does not answer: try again after `retry-after`.",
}


def describe_token_exchange(document: dict[str, Any], path: str) -> None:
    """Add the operation at `path`, and the models that it refers to, to an OpenAPI document."""
    schemas = document["components"]["schemas"]
    form, answer, refusal = (
        _reference(model, schemas) for model in (TokenExchangeForm, TokenExchangeAnswer, TokenExchangeError)
    )
    refusals = {
        status: {"description": meaning, "content": {"application/json": {"schema": refusal}}}
        for status, meaning in _MEANINGS.items()
    }
    document["paths"][path] = {
        "post": {
            "tags": ["Workload identities"],
            "summary": "Exchange Token",
            "description": "Exchange an OIDC token for a credential of a workload identity (RFC 8693).",
            "operationId": "exchange_token",
            "security": [],
            "requestBody": {
                "required": True,
                "content": {"application/x-www-form-urlencoded": {"schema": form}},
            },
            "responses": {
                "200": {
                    "description": "A credential",
                    "content": {"application/json": {"schema": answer}},
                },
                **refusals,
            },
        }
    }


def _reference(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
    if model is TokenExchangeForm:
        shape.pop("additionalProperties", None)  # unknown parameters are ignored, as RFC 6749 asks
    schemas[model.__name__] = shape
    return {"$ref": f"#/components/schemas/{model.__name__}"}
