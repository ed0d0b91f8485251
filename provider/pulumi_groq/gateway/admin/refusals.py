"""What the admin plane answers instead of doing what was asked, and what failures become."""

import logging
import re
from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from pulumi_groq.gateway.http.refusal import (
    INVALID_REQUEST,
    SERVER,
    Refusal,
    bad_request,
    gateway_failed,
    unknown_url,
)
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.models.requirements import requirement


class Invalid(Refusal):
    """400: the request contradicts a rule."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(400, INVALID_REQUEST, message, code=code, param=param)


class Missing(Refusal):
    """404: the object does not exist."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(404, INVALID_REQUEST, message, code=code, param=param)


class Conflict(Refusal):
    """409: the request contradicts what exists. `key_id` names the key that stands in the way."""

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, key_id: str | None = None
    ) -> None:
        headers = () if key_id is None else ((b"x-api-key-id", key_id.encode()),)
        super().__init__(409, INVALID_REQUEST, message, code=code, param=param, headers=headers)


def no_key(key_id: str, param: str | None = None) -> Missing:
    """404 for a key that does not exist, or no longer does."""
    return Missing(f"There is no API key with the id {shown(key_id)}", code="api_key_not_found", param=param)


def no_team(name: str) -> Missing:
    """404 for a team that does not exist."""
    return Missing(f"There is no team named {shown(name)}", code="team_not_found")


def no_identity(name: str) -> Missing:
    """404 for a workload identity that does not exist."""
    return Missing(f"There is no workload identity named {shown(name)}", code="workload_identity_not_found")


def shown(text: str) -> str:
    """What a caller sent, short and on one line."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= 80 else f"{printable[:77]}..."


_log = logging.getLogger(__name__)
_SHOWN_PROBLEMS: Final = 5


def add_exception_handlers(app: FastAPI) -> None:
    """Let `app` answer every failure in the envelope."""
    app.exception_handler(Refusal)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_no_route)
    app.exception_handler(StoreUnavailableError)(_store_down)
    app.exception_handler(Exception)(_bug)


def _response(refusal: Refusal) -> Response:
    headers = {name.decode(): value.decode() for name, value in refusal.headers}
    return Response(refusal.body(), refusal.status, headers, "application/json")


async def _refused(_request: Request, refusal: Refusal) -> Response:
    return _response(refusal)


async def _invalid(_request: Request, error: RequestValidationError) -> Response:
    return _response(refused_fields(error.errors()))


def refused_fields(found: Sequence[ErrorDetails]) -> Refusal:
    """400 for what pydantic found, each `loc` beginning with the part of the request."""
    problems = [(_path(problem["loc"]), _reason(problem)) for problem in found]
    lines = [f"{path}: {reason}" if path else reason for path, reason in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > _SHOWN_PROBLEMS:
        lines.append(f"and {len(problems) - _SHOWN_PROBLEMS} more")
    return bad_request("; ".join(lines), param=problems[0][0] or None)


def _path(location: Sequence[str | int]) -> str:
    """Where in the request: `allowed_models.0`; the first part only says body, query, path or header."""
    return ".".join(str(part) for part in location[1:])


def _reason(problem: ErrorDetails) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown field" if problem["loc"][0] == "body" else "unknown query parameter"
    return requirement(problem)


async def _no_route(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        allowed = ", ".join(_methods(request))
        return _response(
            Refusal(
                405,
                INVALID_REQUEST,
                f"{request.method[:16]} is not served here, but {allowed}",
                code="method_not_allowed",
                headers=((b"allow", allowed.encode()),),
            )
        )
    if error.status_code == 404:
        return _response(unknown_url(request.method, request.url.path))
    return _response(Refusal(error.status_code, INVALID_REQUEST, error.detail))


def _methods(request: Request) -> list[str]:
    """All methods of the path; Starlette's own header names those of one route only."""
    served: set[str] = set()
    for template, operations in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", ".+", template), request.url.path):
            served.update(method.upper() for method in operations)
    return sorted(served)


async def _store_down(_request: Request, error: StoreUnavailableError) -> Response:
    return _response(store_down(error))


def store_down(error: StoreUnavailableError) -> Refusal:
    """503, logged with its reason."""
    _log.error("the store does not answer: %s", error)
    return Refusal(
        503,
        SERVER,
        "The gateway's store does not answer, so a change may or may not have been made: send it again",
        code="store_unavailable",
        headers=((b"retry-after", b"1"),),
    )


async def _bug(_request: Request, _error: Exception) -> Response:
    return _response(gateway_failed())
