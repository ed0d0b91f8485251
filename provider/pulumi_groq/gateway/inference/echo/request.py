"""What the echo reads of a request, and the numbers it derives from it: the same body, the same answer."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

_TOKEN: Final = re.compile(r"\s*\S{1,12}")
_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_GREETING: Final = "Hello from the echo upstream."
TOKENS_PER_MESSAGE: Final = 4
CHARACTERS_PER_TOKEN: Final = 4


class EchoRefusalError(Exception):
    """The echo answers 400, as Groq would."""


@dataclass(frozen=True, slots=True)
class EchoRequest:
    """A parsed body and its digest."""

    fields: dict[str, Any]
    digest: bytes

    @classmethod
    def read(cls, body: bytes) -> "EchoRequest":
        """Raises `EchoRefusalError` for anything but a JSON object."""
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            raise EchoRefusalError("the body is not valid JSON") from None
        if not isinstance(fields, dict):
            raise EchoRefusalError("the body must be an object")
        return cls(fields=fields, digest=hashlib.sha256(body).digest())

    @property
    def model(self) -> str:
        """The model's id as it was sent."""
        return str(self.fields.get("model"))

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return self.fields.get("stream") is True

    @property
    def uuid(self) -> str:
        """For ids such as `chatcmpl-` + UUID."""
        return str(UUID(bytes=self.digest[:16], version=4))

    @property
    def request_id(self) -> str:
        """The upstream's own id of the request."""
        return request_id(self.digest)

    @property
    def fingerprint(self) -> str:
        """Shaped like Groq's: `fp_` + 10 hex digits, the same for a model."""
        return "fp_" + hashlib.sha256(self.model.encode(errors="replace")).hexdigest()[:10]

    @property
    def seed(self) -> int:
        """The caller's seed, or one from the digest."""
        seed = self.fields.get("seed")
        return seed if isinstance(seed, int) else int.from_bytes(self.digest[:4], "big")


def request_id(digest: bytes) -> str:
    """Shaped like Groq's: `req_01` + 24 characters."""
    return "req_01" + "".join(_CROCKFORD[byte & 31] for byte in digest[:24])


def text_of(content: Any) -> str:
    """The text in a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return " ".join(text for text in texts if isinstance(text, str))
    return ""


def prompt_tokens(texts: list[str]) -> int:
    """About what a tokenizer would count, with the template around each message."""
    return sum(TOKENS_PER_MESSAGE + -(-len(text) // CHARACTERS_PER_TOKEN) for text in texts)


def reply_tokens(text: str, chunks: int | None) -> list[str]:
    """The reply, cut into tokens: the prompt's own, or `chunks` numbered ones."""
    if chunks is not None:
        return [f" token{number}" for number in range(chunks)]
    return _TOKEN.findall(text) or _TOKEN.findall(_GREETING)


@dataclass(frozen=True, slots=True)
class EchoScript:
    """The defaults echo the prompt at once.

    `chunks`: how many tokens an answer has (the prompt's own words where unset). `pause_s`: seconds
    before each piece of an answer. `fail_after`: the connection breaks after so many pieces.
    `status`: answer with this error instead. `cached_tokens`: how many prompt tokens are stated as
    cached. `states_usage`: whether answers state any usage.
    """

    chunks: int | None = None
    pause_s: float = 0.0
    fail_after: int | None = None
    status: int | None = None
    cached_tokens: int = 0
    states_usage: bool = True


PLAIN: Final = EchoScript()
