"""Request bodies: read within bounds, and only JSON that means one thing."""

import asyncio
import json
from typing import Any, Final, NoReturn

from starlette.types import Message, Receive, Scope

from pulumi_groq.gateway.admin.answers import ErrorAnswer

LIMIT_BYTES: Final = 64 * 1024
TIMEOUT_S: Final = 30.0
# What is left of the body is not read, so the connection cannot serve another request.
_CLOSE: Final = [(b"connection", b"close")]


class RejectedError(Exception):
    """The request is not let in; `answer` says why."""

    def __init__(self, answer: ErrorAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class ClientGoneError(Exception):
    """The client hung up before its body was complete."""


async def read_body(
    scope: Scope, receive: Receive, *, limit_bytes: int = LIMIT_BYTES, timeout_s: float = TIMEOUT_S
) -> bytes:
    """The whole body. Raises `RejectedError` (413 too large, 408 too slow) and `ClientGoneError`."""
    announced = [value for name, value in scope["headers"] if name == b"content-length"]
    if announced and announced[0].isdigit() and int(announced[0][:20]) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            return await _collect(receive, limit_bytes)
    except TimeoutError:
        raise RejectedError(
            ErrorAnswer(
                408, f"The request body did not arrive within {timeout_s:g} s: send it again", headers=_CLOSE
            )
        ) from None


async def _collect(receive: Receive, limit_bytes: int) -> bytes:
    body = bytearray()
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit_bytes: int) -> RejectedError:
    return RejectedError(
        ErrorAnswer(
            413,
            f"Request body too large: the admin API takes at most {limit_bytes} bytes",
            code="request_too_large",
            headers=_CLOSE,
        )
    )


def require_json(scope: Scope, body: bytes) -> None:
    """Raise `RejectedError` unless the body is declared as JSON (else 415) and means one thing (else 400).

    Refused beside syntax errors: repeated names, NaN and infinities, numbers out of range, half
    surrogate pairs, and nesting that no request needs.
    """
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    if len(types) != 1 or not _is_json(types[0]):
        raise RejectedError(
            ErrorAnswer(
                415,
                "The request body must be JSON: send one content-type header, application/json",
                code="unsupported_media_type",
            )
        )
    try:
        document = json.loads(
            body.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
        # Encoding finds what decoding lets through: 1e999 as infinity, and lone surrogates.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except RecursionError:
        raise _not_json("it is nested too deeply") from None
    except UnicodeError:
        raise _not_json("it holds text that is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError as error:
        raise _not_json(str(error).partition(";")[0]) from None


def _is_json(content_type: bytes) -> bool:
    kind, _, parameters = content_type.decode("latin-1").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    return kind.strip() == "application/json" and charset in ("", "utf-8", "utf8")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return named


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _not_json(reason: str) -> RejectedError:
    return RejectedError(
        ErrorAnswer(400, f"The request body is not usable JSON: {reason}", code="invalid_json")
    )
