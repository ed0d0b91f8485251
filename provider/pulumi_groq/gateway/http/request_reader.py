"""Requests from a connection's bytes: read strictly, within bounds, the same however the bytes are split."""

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple, NoReturn
from urllib.parse import unquote

import httptools

from pulumi_groq.gateway.http.asgi import Header
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal

_ABSOLUTE: Final = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)
_HOST: Final = re.compile(rb"[\w.~%!$&'()*+;=\[\]:-]*", re.ASCII)


class RequestTarget(NamedTuple):
    """As ASGI has them: `path` decoded, `raw_path` and `query` as sent."""

    path: str
    raw_path: bytes
    query: bytes


def read_target(target: bytes) -> RequestTarget | None:
    """A path with its query, an `http` URL (whose host is not looked at), or `*`; else None."""
    if not target.startswith(b"/") and target != b"*":
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            return None
        target = target[absolute.end() :]
        if not target.startswith(b"/"):
            target = b"/" + target
    if b"#" in target or not target.isascii():
        return None
    raw_path, _, query = target.partition(b"?")
    path = raw_path.decode("ascii")
    return RequestTarget(unquote(path) if "%" in path else path, raw_path, query)


SHORT_BYTES: Final = 256
"""Targets and hosts of this length are remembered: most requests have one of a few."""

_known_target: Final = lru_cache(maxsize=256)(read_target)


def is_host(value: bytes) -> bool:
    """Whether `value` may stand in a `Host` header: one name or address, with or without a port."""
    return _HOST.fullmatch(value.strip(b" \t")) is not None


_known_host: Final = lru_cache(maxsize=256)(is_host)

HEAD_LIMIT_BYTES: Final = 64 * 1024
HEAD_LINES: Final = 256
FRAMING_BYTES_OF_A_BYTE: Final = 16
"""What frames a body in chunks, trailers too, may take this for each byte of it beside a head's limit."""

SLICE_BYTES: Final = 8 * 1024
"""How much is parsed at once, unless it is known to be a body."""

_NOTED: Final = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))
_TOO_LARGE: Final = Refusal(
    431,
    INVALID_REQUEST,
    f"The head of the request, or what frames its body, is too large: send fewer or shorter headers, at most "
    f"{HEAD_LIMIT_BYTES} bytes in {HEAD_LINES} lines, and larger chunks",
    code="request_header_fields_too_large",
    close=True,
)


class RequestHead(NamedTuple):
    """`is_last`: nothing that follows on the connection is a request."""

    method: str
    target: RequestTarget
    http_version: str
    headers: list[Header]
    expects_continue: bool
    is_last: bool


Mark = Literal["begun", "ended"]
"""Where a request begins, with its first byte, and where it ends."""

Event = RequestHead | bytes | Mark
"""Of a request: its mark, its head once that is whole, pieces of its body, its mark."""


class RequestReader:
    """Adds what it finds to `events`, which whoever heeds them clears. The fields of trailers are dropped.

    `in_head`: a request is awaited or its head is incomplete. `is_over`: what follows is no request.
    """

    __slots__ = (
        "_body_bytes",
        "_body_left",
        "_chunked",
        "_expect",
        "_framing_bytes",
        "_head_bytes",
        "_headers",
        "_heads",
        "_hosts",
        "_parser",
        "_plain_left",
        "_refusal",
        "_url",
        "events",
        "in_head",
        "is_over",
    )

    def __init__(self) -> None:
        self.in_head = True
        self.is_over = False
        self.events: Final[list[Event]] = []
        self._parser = httptools.HttpRequestParser(self)
        self._heads = 0
        self._head_bytes = 0
        self._body_bytes = 0
        self._body_left = 0
        self._framing_bytes = 0
        self._plain_left = 0
        self._refusal: Refusal | None = None
        self._url = b""
        self._headers: list[Header] = []
        self._hosts = 0
        self._chunked = False
        self._expect = b""

    def take(self, data: bytes | memoryview) -> int:
        """Reads a part of `data` and returns its length. Raises `Refusal` for what is not a request."""
        if self._plain_left:
            return self._take_plain(data)
        if self.is_over and self.in_head:
            return len(data)
        part = data
        step = max(self._body_left, SLICE_BYTES)
        if self.in_head and step > HEAD_LIMIT_BYTES - self._head_bytes:
            step = HEAD_LIMIT_BYTES - self._head_bytes
        if len(data) > step:
            part = data[:step]
        size = len(part)
        was_in_head, heads, body_bytes = self.in_head, self._heads, self._body_bytes
        try:
            self._parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:
            # What is offered instead of HTTP/1.1 is not taken up: the request goes on as any other.
            return int(upgrade.args[0])
        except httptools.HttpParserError as failure:
            if self.is_over and self.in_head:
                return len(data)
            if self._refusal is None and isinstance(failure, httptools.HttpParserCallbackError):
                raise  # not what was sent is at fault
            raise (self._refusal or _malformed()) from None
        if heads == self._heads and was_in_head == self.in_head:
            self._count(size, self._body_bytes - body_bytes)
        return size

    def _count(self, size: int, body_bytes: int) -> None:
        """Bounds what is no body: bytes that end one request and begin another are not counted."""
        if self.in_head:
            self._head_bytes += size
            if self._head_bytes >= HEAD_LIMIT_BYTES or len(self._headers) > HEAD_LINES:
                raise _TOO_LARGE
        elif self._chunked:
            self._framing_bytes += size - body_bytes
            if self._framing_bytes > HEAD_LIMIT_BYTES + FRAMING_BYTES_OF_A_BYTE * self._body_bytes:
                raise _TOO_LARGE

    def _take_plain(self, data: bytes | memoryview) -> int:
        """The body of a request that offered an upgrade, which the parser does not read on."""
        piece = bytes(data[: self._plain_left])
        self._plain_left -= len(piece)
        self.events.append(piece)
        if not self._plain_left:
            self.on_message_complete()
        return len(piece)

    def on_message_begin(self) -> None:
        """A request begins."""
        if self.is_over:
            raise _malformed()  # to end the parsing
        self._head_bytes = 0
        self._url = b""
        self._headers = []
        self._hosts = 0
        self._chunked = False
        self._expect = b""
        self.events.append("begun")

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head, or of the trailers: those could name what the head must not be told."""
        if not self.in_head:
            return
        name = name.lower()
        self._headers.append((name, value))
        if name not in _NOTED:
            return
        if name == b"content-length":
            # The parser has refused what is no number, or too large for 64 bits.
            self._body_left = int(value.strip(b" \t") or b"0")
        elif name == b"host":
            known = len(value) <= SHORT_BYTES
            self._hosts += 1 if (_known_host(value) if known else is_host(value)) else 2
        elif name == b"transfer-encoding":
            self._chunked = True
            if value.strip(b" \t").lower() != b"chunked":
                self._refuse("The body's transfer-encoding must be chunked, or left out.")
        else:
            self._expect = value.strip(b" \t").lower()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        parser = self._parser
        http_version = parser.get_http_version()
        target = _known_target(self._url) if len(self._url) <= SHORT_BYTES else read_target(self._url)
        if len(self._headers) > HEAD_LINES:
            self._refusal = _TOO_LARGE
            raise _TOO_LARGE
        if http_version == "1.1":
            if self._hosts != 1:
                self._refuse("The request needs one Host header that names one host.")
        elif http_version != "1.0":
            self._refuse("This gateway speaks HTTP/1.1.")
        elif self._hosts > 1 or self._chunked:
            self._refuse("HTTP/1.0 has one Host header at most and no transfer-encoding.")
        if target is None:
            self._refuse("The request's target must be a path such as /openai/v1/models, or a URL.")
        if self._expect and self._expect != b"100-continue":
            self._refuse("The only expectation that can be met is 100-continue.", 417)
        if parser.should_upgrade():
            if self._chunked:
                self._refuse("A request that offers an upgrade needs a content-length, not chunks.")
            self._plain_left = self._body_left
        self.in_head = False
        self._heads += 1
        self._body_bytes = 0
        self._framing_bytes = 0
        self.is_over = is_last = http_version == "1.0" or not parser.should_keep_alive()
        self.events.append(
            RequestHead(
                parser.get_method().decode("ascii"),
                target,
                http_version,
                self._headers,
                http_version == "1.1" and bool(self._expect),
                is_last,
            )
        )

    def on_body(self, piece: bytes) -> None:
        """Some bytes of the body."""
        size = len(piece)
        self._body_bytes += size
        if self._body_left:
            self._body_left -= size
        self.events.append(piece)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._plain_left:
            return  # for the parser alone
        self.in_head = True
        self._head_bytes = 0
        self._body_left = 0
        self.events.append("ended")

    def _refuse(self, message: str, status: int = 400) -> NoReturn:
        """Ends the parsing: the parser passes on that there is an error, and not which."""
        self._refusal = Refusal(status, INVALID_REQUEST, message, code="invalid_http_request", close=True)
        raise self._refusal


def _malformed() -> Refusal:
    return Refusal(
        400,
        INVALID_REQUEST,
        "This is no valid HTTP/1.1 request. Use an HTTP client, and TLS only where a proxy before the "
        "gateway ends it.",
        code="invalid_http_request",
        close=True,
    )
