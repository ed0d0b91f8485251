"""The head of one part of a form: one spelling of it is accepted, which every parser reads alike."""

import re
from typing import Final, NamedTuple

from pulumi_groq.gateway.http.refusal import Refusal, bad_request

FILE: Final = "file"
DECISIVE_NAMES: Final = frozenset({"model", FILE, "url", "response_format", "stream"})
"""Fields that decide what is charged or fetched: names that only resemble one of them are refused."""

_DISPOSITION: Final = re.compile(
    rb'form-data; ?name="([A-Za-z0-9_]{1,64}(?:\[\])?)"(?:; ?filename="([^"\\\x00-\x1f\x7f]{1,255})")?'
)
_TOKEN: Final = rb"[a-z0-9!#$&^_.+-]{1,100}"
_FIELD_TYPE: Final = re.compile(rb"text/plain(?:; ?charset=utf-8)?", re.IGNORECASE)
_FILE_TYPE: Final = re.compile(
    rb"(?!multipart/|message/)"
    + _TOKEN
    + rb"/"
    + _TOKEN
    + rb"(?:; ?(?!charset|boundary)"
    + _TOKEN
    + rb"="
    + _TOKEN
    + rb")*",
    re.IGNORECASE,
)
_LINE: Final = re.compile(rb"([A-Za-z-]{1,40}): ?([^\x00-\x1f\x7f]*)")


class PartHead(NamedTuple):
    """`name` is of lower-case letters, digits and `_`, with `[]` behind it for a list."""

    name: str
    is_file: bool


def read_part_head(head: bytes) -> PartHead:
    """The lines of `head` without the empty one. Raises `Refusal` 400 for every other spelling than

    `Content-Disposition: form-data; name="..."`, with `filename="..."` for the file alone, and a
    `Content-Type`: a second name, `name*`, escapes, other headers and other charsets are read differently
    by different parsers.
    """
    lines: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            raise _unreadable("a line that is no header")
        name = match.group(1).lower()
        if name in lines:
            raise _unreadable(f"{name.decode()} twice")
        lines[name] = match.group(2)
    content_type = lines.pop(b"content-type", None)
    disposition = _DISPOSITION.fullmatch(lines.pop(b"content-disposition", b""))
    if disposition is None:
        raise _unreadable("no content-disposition of that form")
    if lines:
        raise _unreadable(f"the header {next(iter(lines)).decode()}")
    return _part(disposition, content_type)


def _part(disposition: re.Match[bytes], content_type: bytes | None) -> PartHead:
    name = disposition.group(1).decode()
    file_name = disposition.group(2)
    if name != name.lower():
        raise bad_request(f"Write {name.lower()} in lower case.", param=name.lower())
    if name != name.removesuffix("[]") and name.removesuffix("[]") in DECISIVE_NAMES:
        raise bad_request(f"Send {name.removesuffix('[]')} once, without [].", param=name)
    is_file = name == FILE
    if is_file and file_name is None:
        raise bad_request("The part named file needs a filename.", param=FILE)
    if file_name is not None:
        if not is_file:
            raise bad_request("Only the part named file may be a file.", param=name)
        _check_file_name(file_name)
    types = _FILE_TYPE if is_file else _FIELD_TYPE
    if content_type is not None and types.fullmatch(content_type) is None:
        raise bad_request(
            "The content-type of a part must be text/plain in UTF-8 for a field, "
            "and one media type without charset for the file.",
            param=name,
        )
    return PartHead(name, is_file)


def _check_file_name(file_name: bytes) -> None:
    try:
        file_name.decode()
    except UnicodeDecodeError:
        raise bad_request("The filename must be UTF-8.", param=FILE) from None


def _unreadable(what: str) -> Refusal:
    return bad_request(
        f"A part of the multipart body has {what}. Parsers read such a part differently: send "
        'Content-Disposition: form-data; name="...", with a name of lower-case letters, digits and _, '
        'filename="..." for the file, and at most a Content-Type beside it.'
    )
