"""multipart/form-data, taken apart while it arrives, as the strictest reader takes it.

What other parsers read differently (RFC 7578 leaves much open) is refused: the upstream must find the
model, the file and each field where this gateway found them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
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
    file_name: str = ""


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
    return PartHead(name, is_file, "" if file_name is None else file_name.decode())


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


FIELD_LIMIT_BYTES: Final = 64 * 1024
PARTS_LIMIT: Final = 100
PART_HEAD_LIMIT_BYTES: Final = 8 * 1024
_BOUNDARY: Final = re.compile(
    rb"multipart/form-data *; *boundary="
    rb'(?:"([0-9A-Za-z\'()+_,./:=?-]{1,70})"|([0-9A-Za-z\'+_.-]{1,70}))'
)
"""In lower case only: werkzeug finds no form behind another spelling of the media type."""
_LINE_END: Final = b"\r\n"


@dataclass(slots=True)
class Form:
    """What has been read so far. `file_bytes` counts the bytes of the part named `file`."""

    fields: dict[str, str] = field(default_factory=dict)
    file_seen: bool = False
    file_name: str = ""
    file_bytes: int = 0
    file_head: bytes = b""
    complete: bool = False


class FormReader:
    """Fed with the body as it comes; `file` is told of the bytes of the file, in order.

    Raises `Refusal` 400 for what is no form, or is ambiguous: a field sent twice, a second file, bytes before
    the first or after the last boundary.
    """

    def __init__(self, content_type: bytes, file: Callable[[bytes], object] | None = None) -> None:
        match = _BOUNDARY.fullmatch(content_type)
        if match is None:
            raise bad_request(
                "The content-type must be multipart/form-data; boundary=..., with a boundary of 1 to 70 "
                "letters, digits and hyphens and no other parameter."
            )
        self._delimiter = b"--" + (match.group(1) or match.group(2))
        # The first delimiter begins the body; with the line end before it, it looks like the others.
        self._rest = _LINE_END
        self._part: PartHead | None = None
        self._parts = 0
        self._value = bytearray()
        self._file = file
        self.form = Form()

    def feed(self, piece: bytes) -> None:
        """Read the next bytes."""
        self._rest += piece
        while not self.form.complete and self._step():
            pass
        if self.form.complete and not _LINE_END.startswith(self._rest):
            raise bad_request("The multipart body goes on after its last boundary. End it there.")

    def finish(self) -> Form:
        """The form, once the body has ended. Raises `Refusal` 400 where its end is missing."""
        if not self.form.complete or self._rest not in (b"", _LINE_END):
            raise bad_request("The multipart body ends before its last boundary.")
        return self.form

    def _step(self) -> bool:
        """Take a delimiter and the head after it, or the end. False where more has to arrive.

        The delimiter stands in no other place than between two line ends: where other bytes are beside
        it, some parsers see a boundary and others do not.
        """
        at = self._rest.find(self._delimiter)
        if at < 0:
            keep = len(self._delimiter) + 1
            self._take(self._rest[:-keep])
            self._rest = self._rest[-keep:]
            return False
        if at < 2 or self._rest[at - 2 : at] != _LINE_END:
            raise _misplaced_boundary()
        after = at + len(self._delimiter)
        mark = self._rest[after : after + 2]
        if len(mark) < 2:
            return False
        if mark == b"--":
            self._end_part(self._rest[: at - 2])
            self.form.complete = True
            self._rest = self._rest[after + 2 :]
            return False
        if mark != _LINE_END:
            raise _misplaced_boundary()
        head_end = self._rest.find(b"\r\n\r\n", after)
        if (head_end if head_end >= 0 else len(self._rest)) - after > PART_HEAD_LIMIT_BYTES:
            raise bad_request("A part of the multipart body has too long a head.")
        if head_end < 0:
            return False
        self._end_part(self._rest[: at - 2])
        self._begin_part(self._rest[after + 2 : head_end])
        self._rest = self._rest[head_end + 4 :]
        return True

    def _begin_part(self, head: bytes) -> None:
        self._parts += 1
        if self._parts > PARTS_LIMIT:
            raise bad_request(f"The multipart body has more than {PARTS_LIMIT} parts. Send fewer.")
        if self._delimiter in head:
            raise _misplaced_boundary()
        part = read_part_head(head)
        if part.is_file:
            if self.form.file_seen:
                raise bad_request("Send one file.", param="file")
            self.form.file_seen = True
            self.form.file_name = part.file_name
        elif part.name in self.form.fields and not part.name.endswith("[]"):
            raise bad_request("Send the field once.", param=part.name)
        self._part = part

    def _take(self, data: bytes) -> None:
        part = self._part
        if part is None:
            if data:
                raise bad_request("The multipart body must begin with its boundary.")
        elif part.is_file:
            self.form.file_bytes += len(data)
            if len(self.form.file_head) < PART_HEAD_LIMIT_BYTES:
                self.form.file_head += data[:PART_HEAD_LIMIT_BYTES]
            if self._file is not None:
                self._file(data)
        else:
            self._value += data
            if len(self._value) > FIELD_LIMIT_BYTES:
                raise bad_request("The field is too long.", param=part.name)

    def _end_part(self, data: bytes) -> None:
        self._take(data)
        part = self._part
        if part is None:
            return
        if not part.is_file:
            try:
                self.form.fields[part.name] = self._value.decode()
            except UnicodeDecodeError:
                raise bad_request("The field must be UTF-8.", param=part.name) from None
        self._part = None
        self._value.clear()


def read_form(content_type: bytes, body: bytes) -> Form:
    """A whole body at once."""
    reader = FormReader(content_type)
    reader.feed(body)
    return reader.finish()


def _misplaced_boundary() -> Refusal:
    return bad_request(
        "The boundary of the multipart body stands where parsers read it differently. It must be a line "
        "of its own that ends with CR LF, and may not be part of a value."
    )
