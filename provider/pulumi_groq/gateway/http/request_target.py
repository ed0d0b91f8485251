"""What a request line asks for."""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

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


def is_host(value: bytes) -> bool:
    """Whether `value` may stand in a `Host` header: one name or address, with or without a port."""
    return _HOST.fullmatch(value.strip(b" \t")) is not None
