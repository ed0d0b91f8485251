"""Error answers in Groq's envelope, as ASGI messages."""

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import Message

from pulumi_groq.gateway.admin.key_values import PREFIX
from pulumi_groq.gateway.admin.refusals import INVALID_REQUEST
from pulumi_groq.models.error import ErrorBody, ErrorDetail

LONGEST_MESSAGE: Final = 1_000
LONGEST_PARAM: Final = 200

_KEY_VALUE: Final = re.compile(PREFIX + "[A-Za-z0-9]+")

Headers = Iterable[tuple[bytes, bytes]]


class ErrorAnswer:
    """One error answer. `message` and `param` are cut at a length that a log line can bear."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID_REQUEST,  # noqa: A002 (the envelope's own name)
        code: str | None = None,
        param: str | None = None,
        headers: Headers = (),
    ) -> None:
        self.status = status
        self.headers = [(b"content-type", b"application/json"), *headers]
        detail = ErrorDetail(
            message=_without_values(message)[:LONGEST_MESSAGE],
            type=type,
            code=code,
            param=None if param is None else _without_values(param)[:LONGEST_PARAM],
        )
        # Fields that say nothing are left out, as Groq does.
        self.body = ErrorBody(error=detail).model_dump_json(exclude_none=True).encode()

    def messages(self, *headers: tuple[bytes, bytes]) -> tuple[Message, Message]:
        """The answer as ASGI messages, with further headers."""
        length = (b"content-length", b"%d" % len(self.body))
        return (
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*self.headers, length, *headers],
            },
            {"type": "http.response.body", "body": self.body},
        )


def _without_values(text: str) -> str:
    """A key's value sent in the wrong place is not shown back: error texts end up in logs."""
    return _KEY_VALUE.sub(f"{PREFIX}…", text)


def invalid_api_key() -> ErrorAnswer:
    """Groq's constant 401: the same for a missing, wrong and foreign key."""
    return ErrorAnswer(
        401, "Invalid API Key", code="invalid_api_key", headers=[(b"www-authenticate", b"Bearer")]
    )


def unknown_url(method: str, path: str) -> ErrorAnswer:
    """404 for a path that is not served."""
    return ErrorAnswer(
        404,
        f"Unknown request URL: {method[:16]} {path[:200]}. Check the URL for typos and the method.",
        code="unknown_url",
    )
