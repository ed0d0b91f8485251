"""A request refused by the gateway itself, in Groq's error envelope: one form for both planes."""

import re
from typing import Any, Final

from pulumi_groq.gateway.http.asgi import Header, Message
from pulumi_groq.gateway.key_values import ADMIN_PREFIX, CREDENTIAL_PREFIX, PREFIX
from pulumi_groq.models.error import ErrorBody, ErrorDetail

INVALID_REQUEST: Final = "invalid_request_error"
PERMISSIONS: Final = "permissions_error"
SERVER: Final = "internal_server_error"
LONGEST_MESSAGE: Final = 1_000
LONGEST_PARAM: Final = 200

_KEY_VALUE: Final = re.compile(f"({PREFIX}|{ADMIN_PREFIX})[A-Za-z0-9]+|{CREDENTIAL_PREFIX}[A-Za-z0-9_=-]+")


class Refusal(Exception):  # noqa: N818  it is an answer, not a failure of the gateway
    """Ends a request with `status` and an error body. `message` says what, why and what to do.

    `message` and `param` are cut to a length that suits a log line, and never show a key's value.
    `reason` is the label in `/metrics`, the code unless given; `headers` go out beside the usual ones;
    `close` ends the connection after the answer, for requests whose body was not read.
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        reason: str = "",
        code: str | None = None,
        param: str | None = None,
        headers: tuple[Header, ...] = (),
        close: bool = False,
    ) -> None:
        message = _presentable(message, LONGEST_MESSAGE)
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(
            message=message,
            type=error_type,
            code=code,
            param=None if param is None else _presentable(param, LONGEST_PARAM),
        )
        self.reason = reason or code or "invalid_request"
        self.headers = (*headers, (b"connection", b"close")) if close else headers

    def __reduce__(self) -> tuple[Any, ...]:
        """Large bodies are read in a process of their own, and refused there."""
        return _refused_elsewhere, (self.status, self.detail, self.reason, self.headers)

    def body(self) -> bytes:
        """The envelope; fields that say nothing are left out, as Groq does."""
        return ErrorBody(error=self.detail).model_dump_json(exclude_none=True).encode()

    def messages(self, *headers: Header) -> tuple[Message, Message]:
        """The whole answer as ASGI messages, with further headers."""
        body = self.body()
        lines = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers,
            *self.headers,
        ]
        return (
            {"type": "http.response.start", "status": self.status, "headers": lines},
            {"type": "http.response.body", "body": body},
        )


def _refused_elsewhere(status: int, detail: ErrorDetail, reason: str, headers: tuple[Header, ...]) -> Refusal:
    return Refusal(
        status,
        detail.type,
        detail.message,
        reason=reason,
        code=detail.code,
        param=detail.param,
        headers=headers,
    )


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    """400 for a request that is itself at fault; `param` is the field's dotted path."""
    return Refusal(400, INVALID_REQUEST, message, reason="invalid_request", param=param, code=code)


def invalid_api_key() -> Refusal:
    """Groq's constant 401, the same for a missing, unknown, disabled and expired key, on both planes."""
    return Refusal(
        401,
        INVALID_REQUEST,
        "Invalid API Key",
        code="invalid_api_key",
        headers=((b"www-authenticate", b"Bearer"),),
        close=True,
    )


def unknown_url(method: str, path: str) -> Refusal:
    """404 for everything outside the allow-list."""
    message = f"Unknown request URL: {method[:16]} {path[:200]}. Check the URL for typos and the method."
    return Refusal(404, INVALID_REQUEST, message, code="unknown_url", close=True)


def gateway_failed() -> Refusal:
    """500 for a fault of the gateway's own; what it was is in the log and nowhere else."""
    return Refusal(500, SERVER, "The gateway failed; its log says why", close=True)


def body_too_large(limit_bytes: int) -> Refusal:
    """413 for a body above its limit; what is left of it is not read."""
    message = f"Request body too large: this gateway takes at most {limit_bytes} bytes here. Send less."
    return Refusal(413, INVALID_REQUEST, message, code="request_too_large", close=True)


def _presentable(text: str, longest: int) -> str:
    """A key's value that was sent in the wrong place is not echoed; JSON may smuggle in lone surrogates."""
    return _KEY_VALUE.sub(r"\1…", text.encode(errors="replace").decode())[:longest]
