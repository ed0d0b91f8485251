"""The OpenAPI document of the admin plane: what FastAPI derives, made true to what is served."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from pulumi_groq.gateway.identity.token_document import describe_token_exchange
from pulumi_groq.models.error import ErrorBody

TOKEN_PATH: Final = "/openai/v1/auth/token"  # noqa: S105 (a path)
"""The one operation that needs no credential: it gives one."""

Responses = dict[int | str, dict[str, Any]]

_MEANINGS: Final = {
    400: "The request is at fault: `param` is the path of the field or parameter.",
    401: "The admin key is missing or wrong.",
    403: "The caller's role does not cover this: the message names the role and what it takes.",
    404: "There is no such object, or no such path.",
    408: "The body did not arrive in time.",
    409: "The request contradicts what exists: `code` says how, `x-api-key-id` names the key in the way.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not declared as JSON.",
    429: "Refused too often within a minute: `retry-after` says how long to wait.",
    503: "The store does not answer.",
}
_DESCRIPTION: Final = (
    "Groq documents no public API for keys, usage or spending: this contract is this project's own, "
    "served by its gateway. Errors come in Groq's envelope."
)
_REQUEST_ID: Final = {
    "description": "Id of this request, for whoever looks into it.",
    "schema": {"type": "string", "pattern": "^req_01[0-9a-hjkmnp-tv-z]{24}$"},
}
_KEY_ID: Final = {"description": "The key that stands in the way.", "schema": {"type": "string"}}
# Named, not given as a model: FastAPI would compile one for each of hundreds of answers, at every start.
_ERROR: Final = {"$ref": "#/components/schemas/ErrorBody"}


def errors(*statuses: int) -> Responses:
    """The documentation of error answers; 400, 401, 403, 429 and 503 may come from every operation."""
    return {
        status: {"description": _MEANINGS[status], "content": {"application/json": {"schema": _ERROR}}}
        for status in sorted({400, 401, 403, 429, 503, *statuses})
    }


def body_errors(*statuses: int) -> Responses:
    """As `errors`, for an operation that takes a body."""
    return errors(408, 413, 415, *statuses)


def document(app: FastAPI, version: str) -> dict[str, Any]:
    """The document of `app`."""
    described = get_openapi(
        title="pulumi-groq admin API", version=version, description=_DESCRIPTION, routes=app.routes
    )
    described["components"]["securitySchemes"] = {
        "adminKey": {"type": "http", "scheme": "bearer", "description": "GROQ_ADMIN_KEY"}
    }
    described["security"] = [{"adminKey": []}]
    # FastAPI adds its own validation answer everywhere; here validation errors are 400 in the envelope.
    for schema in ("HTTPValidationError", "ValidationError"):
        described["components"]["schemas"].pop(schema, None)
    described["components"]["schemas"] |= _schemas(ErrorBody)
    describe_token_exchange(described, TOKEN_PATH)
    for path in described["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            for status, response in operation["responses"].items():
                response.setdefault("headers", {})["x-request-id"] = _REQUEST_ID
                if status == "409":
                    response["headers"]["x-api-key-id"] = _KEY_ID
    return described


def _schemas(model: type[BaseModel]) -> dict[str, Any]:
    """The schemas of a model and of what it holds, by name."""
    schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = jsonable_encoder(
        {**schema.pop("$defs", {}), model.__name__: schema}, exclude_none=True
    )
    return schemas
