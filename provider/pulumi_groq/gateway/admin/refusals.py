"""What a handler answers instead of doing what was asked; nothing was changed."""

from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal


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


def shown(text: str) -> str:
    """What a caller sent, short and on one line."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= 80 else f"{printable[:77]}..."
