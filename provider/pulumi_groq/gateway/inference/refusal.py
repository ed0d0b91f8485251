"""A request refused by the gateway itself, in Groq's error envelope."""

from typing import Final

from pulumi_groq.gateway.inference.asgi import Header, Message
from pulumi_groq.models.error import ErrorBody, ErrorDetail
from pulumi_groq.policy.metering import Denial

INVALID_REQUEST: Final = "invalid_request_error"
PERMISSIONS: Final = "permissions_error"
SERVER: Final = "internal_server_error"


class Refusal(Exception):  # noqa: N818  it is an answer, not a failure of the gateway
    """Ends a request with `status` and an error body.

    `reason` is the label in `/metrics`; `headers` go out beside the usual ones; `close` ends the
    connection after the answer, for requests whose body was not read.
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        reason: str,
        code: str | None = None,
        param: str | None = None,
        headers: tuple[Header, ...] = (),
        close: bool = False,
    ) -> None:
        message = message.encode(errors="replace").decode()  # JSON may smuggle lone surrogates in
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(message=message, type=error_type, code=code, param=param)
        self.reason = reason
        self.headers = (*headers, (b"connection", b"close")) if close else headers

    def body(self) -> bytes:
        """The envelope; fields that say nothing are left out, as Groq does."""
        return ErrorBody(error=self.detail).model_dump_json(exclude_none=True).encode()

    def messages(self, request_id: bytes) -> tuple[Message, Message]:
        """The whole answer as ASGI messages."""
        body = self.body()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id),
            *self.headers,
        ]
        return (
            {"type": "http.response.start", "status": self.status, "headers": headers},
            {"type": "http.response.body", "body": body},
        )


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    """400 for a request that is at fault itself; `param` is the field's dotted path."""
    return Refusal(400, INVALID_REQUEST, message, reason="invalid_request", param=param, code=code)


def invalid_api_key() -> Refusal:
    """Groq's constant 401, the same for a missing, unknown, disabled and expired key."""
    return Refusal(
        401, INVALID_REQUEST, "Invalid API Key", reason="invalid_api_key", code="invalid_api_key", close=True
    )


def unknown_url(method: str, path: str) -> Refusal:
    """404 for everything outside the allow-list."""
    message = f"Unknown request URL: {method[:16]} {path[:200]}. Check the URL for typos and the method."
    return Refusal(404, INVALID_REQUEST, message, reason="unknown_url", code="unknown_url", close=True)


def body_too_large(limit_bytes: int) -> Refusal:
    """413 for a body above its limit; what is left of it is not read."""
    message = f"Request body too large: this gateway takes at most {limit_bytes} bytes here. Send less."
    return Refusal(
        413, INVALID_REQUEST, message, reason="request_too_large", code="request_too_large", close=True
    )


def denied(denial: Denial, headers: tuple[Header, ...]) -> Refusal:
    """The metering's denial as an answer."""
    if denial.retry_after_s is not None:
        headers = (*headers, (b"retry-after", b"%d" % denial.retry_after_s))
    return Refusal(
        denial.status,
        denial.type,
        denial.message,
        reason=denial.reason or denial.code,
        code=denial.code or None,
        headers=headers,
    )
