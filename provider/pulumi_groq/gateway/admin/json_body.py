"""Only JSON with a single meaning is accepted."""

import json
from typing import Any, Final

from starlette.types import Scope

from pulumi_groq.gateway.http.bodies import strict_decoder
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, bad_request


def require_json(scope: Scope, body: bytes) -> None:
    """Raise `Refusal` unless the body is declared as JSON (else 415) and means one thing (else 400).

    Besides syntax errors these are refused: repeated names, NaN and infinities, numbers out of range, half
    surrogate pairs, and nesting that no request needs.
    """
    types = [value for name, value in scope["headers"] if name == b"content-type"]
    if len(types) != 1 or not _is_json(types[0]):
        raise Refusal(
            415,
            INVALID_REQUEST,
            "The request body must be JSON: send one content-type header, application/json",
            code="unsupported_media_type",
        )
    try:
        document = _STRICT.decode(body.decode("utf-8"))
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


def _not_json(reason: str) -> Refusal:
    return bad_request(f"The request body is not usable JSON: {reason}", code="invalid_json")


_STRICT: Final = strict_decoder(_without_repeats)
