"""What a handler answers instead of doing what was asked; each knows its place in Groq's error envelope."""

from typing import ClassVar, Final

INVALID_REQUEST: Final = "invalid_request_error"
SERVER: Final = "internal_server_error"


class Refusal(Exception):  # noqa: N818 (an answer, not a failure of the gateway)
    """Base: `message` says what, why and what to do; `param` is the field's path; nothing was changed.

    `key_id` names the key that stands in the way.
    """

    status: ClassVar[int]

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, key_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.key_id = key_id


class Invalid(Refusal):
    """400: the request contradicts a rule."""

    status = 400


class Missing(Refusal):
    """404: the object does not exist."""

    status = 404


class Conflict(Refusal):
    """409: the request contradicts what exists."""

    status = 409


def no_key(key_id: str, param: str | None = None) -> Missing:
    """404 for a key that does not exist, or no more."""
    return Missing(f"There is no API key with the id {shown(key_id)}", code="api_key_not_found", param=param)


def no_team(name: str) -> Missing:
    """404 for a team that does not exist."""
    return Missing(f"There is no team named {shown(name)}", code="team_not_found")


def shown(text: str) -> str:
    """What a caller sent, short and on one line."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= 80 else f"{printable[:77]}..."
