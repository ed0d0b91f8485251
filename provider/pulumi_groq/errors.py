"""Everything that this package raises on purpose.

GroqError
├── ConfigurationError          a setting is missing or unusable
├── AccessFileError             access.yaml is unusable: file, line, why
├── RotationRefusedError        a rotation that was asked for may not start yet
├── NoAnswerError               the admin API could not be reached, or did not answer in time
└── ApiError                    the admin API answered with an error
    ├── InvalidRequestError     400: the request itself is at fault
    │   └── SpendingPausedError 400 blocked_api_access, spend_limit_reached
    ├── InvalidApiKeyError      401 invalid_api_key
    ├── PermissionDeniedError   403
    │   ├── ModelNotAvailableError  403 model_not_available
    │   └── InsufficientRoleError   403 insufficient_role
    ├── NotFoundError           404
    ├── ConflictError           409
    ├── RequestTooLargeError    413
    ├── RateLimitError          429 rate_limit_exceeded
    ├── ServerError             5xx
    └── UnexpectedAnswerError   a redirect, a proxy's page, another API, or an answer that does not fit

Messages are one line: what failed, why, what to do. They never hold a key or an answer's body.
"""

from typing import Self


class GroqError(Exception):
    """Base of the errors of this package."""


class ConfigurationError(GroqError):
    """A setting is missing or unusable."""


class AccessFileError(GroqError):
    """access.yaml is unusable; the message begins with `file:line`."""


class RotationRefusedError(GroqError):
    """A rotation that was asked for may not start yet; the message says when it may."""


class NoAnswerError(GroqError):
    """The admin API could not be reached or gave no answer before the deadline."""


class ApiError(GroqError):
    """The admin API answered with an error.

    `status` is the HTTP status; `code` and `param` come from the error body where it has them;
    `request_id` is the `x-request-id` header; `retry_after_s` the `retry-after` header in seconds;
    `key_id` the `x-api-key-id` header: the key that stands in the way.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        key_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.key_id = key_id

    def reworded(self, message: str) -> Self:
        """The same error in other words, for a caller that knows more about the reason and the remedy."""
        return type(self)(
            message,
            status=self.status,
            code=self.code,
            param=self.param,
            request_id=self.request_id,
            retry_after_s=self.retry_after_s,
            key_id=self.key_id,
        )


class InvalidRequestError(ApiError):
    """400: the request itself is at fault; `param` names the field where there is one."""


class SpendingPausedError(InvalidRequestError):
    """400: the organisation's cap is reached and auto-pause is on."""


class InvalidApiKeyError(ApiError):
    """401: the key is missing, wrong, disabled, expired or deleted."""


class PermissionDeniedError(ApiError):
    """403: the key is good, but not for this."""


class ModelNotAvailableError(PermissionDeniedError):
    """403: the model is outside the key's or its team's list."""


class InsufficientRoleError(PermissionDeniedError):
    """403: the admin credential's role does not cover this; the message names the role and what it takes."""


class NotFoundError(ApiError):
    """404: there is no such object."""


class ConflictError(ApiError):
    """409: the request contradicts what exists; `code` says how."""


class RequestTooLargeError(ApiError):
    """413: the body, or the tokens of one request, exceed the limit."""


class RateLimitError(ApiError):
    """429: too many requests or tokens; `retry_after_s` says when to come back."""


class ServerError(ApiError):
    """5xx: the server failed."""


class UnexpectedAnswerError(ApiError):
    """The answer does not come from the admin API: a redirect, a proxy's page, another API, a misfit."""


UNAVAILABLE = (NoAnswerError, RateLimitError, ServerError)
"""The admin API cannot answer now; the same may be asked again later."""

BY_CODE: dict[str, type[ApiError]] = {
    "blocked_api_access": SpendingPausedError,
    "spend_limit_reached": SpendingPausedError,
    "model_not_available": ModelNotAvailableError,
    "insufficient_role": InsufficientRoleError,
}
BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: InvalidApiKeyError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: RequestTooLargeError,
    429: RateLimitError,
}


def error_class(status: int, code: str | None) -> type[ApiError]:
    """The class for an error answer: by its code where that is known, else by its status."""
    by_status = ServerError if status >= 500 else BY_STATUS.get(status, ApiError)
    return BY_CODE.get(code or "", by_status)
