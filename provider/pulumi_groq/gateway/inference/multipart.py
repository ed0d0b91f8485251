"""multipart/form-data, taken apart while it arrives; strict, for it decides what is charged."""

import re
from dataclasses import dataclass, field
from typing import Final

from pulumi_groq.gateway.http.refusal import bad_request

FIELD_LIMIT_BYTES: Final = 64 * 1024
PARTS_LIMIT: Final = 100
PART_HEAD_LIMIT_BYTES: Final = 8 * 1024
_BOUNDARY: Final = re.compile(
    rb'multipart/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE
)
_NAME: Final = re.compile(
    rb'content-disposition:\s*form-data\s*;[^\r\n]*?\bname="([^"\r\n]*)"', re.IGNORECASE
)
_FILENAME: Final = re.compile(rb"content-disposition:[^\r\n]*?;\s*filename\*?=", re.IGNORECASE)


@dataclass(slots=True)
class Form:
    """What was seen so far. `file_bytes` counts the bytes of the part named `file`."""

    fields: dict[str, str] = field(default_factory=dict)
    file_seen: bool = False
    file_bytes: int = 0
    file_head: bytes = b""
    complete: bool = False


class FormReader:
    """Fed with the body as it comes. Raises `Refusal` 400 for what is no form, or is ambiguous:
    a field sent twice, a second file."""

    def __init__(self, content_type: bytes) -> None:
        match = _BOUNDARY.fullmatch(content_type.strip()) or _BOUNDARY.match(content_type.strip())
        if match is None:
            raise bad_request("The body must be multipart/form-data with a boundary.")
        self._delimiter = b"\r\n--" + (match.group(1) or match.group(2))
        self._rest = b"\r\n"  # so that the first delimiter looks like the others
        self._part: str | None = None
        self._parts = 0
        self._value = bytearray()
        self._is_file = False
        self.form = Form()

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        if self.form.complete:
            return
        self._rest += piece
        while self._step():
            pass

    def finish(self) -> Form:
        """The form, once the body has ended. Raises `Refusal` 400 where its end is missing."""
        if not self.form.complete:
            raise bad_request("The multipart body ends before its last boundary.")
        return self.form

    def _step(self) -> bool:
        at = self._rest.find(self._delimiter)
        if at < 0:
            keep = len(self._delimiter) - 1
            self._take(self._rest[:-keep])
            self._rest = self._rest[-keep:]
            return False
        after = at + len(self._delimiter)
        if len(self._rest) < after + 2:
            return False
        if self._rest[after : after + 2] == b"--":
            self._take(self._rest[:at])
            self._end_part()
            self.form.complete = True
            self._rest = b""
            return False
        head_end = self._rest.find(b"\r\n\r\n", after)
        if head_end < 0:
            if len(self._rest) - after > PART_HEAD_LIMIT_BYTES:
                raise bad_request("A part of the multipart body has too long a head.")
            return False
        self._take(self._rest[:at])
        self._end_part()
        self._begin_part(self._rest[after:head_end])
        self._rest = self._rest[head_end + 4 :]
        return True

    def _begin_part(self, head: bytes) -> None:
        names = _NAME.findall(head)
        self._parts += 1
        if len(names) != 1 or not head.startswith(b"\r\n") or self._parts > PARTS_LIMIT:
            raise bad_request("Each part of the multipart body needs one name, and there may be 100.")
        self._part = names[0].decode("utf-8", "replace")
        self._is_file = self._part == "file"
        if self._is_file:
            if self.form.file_seen:
                raise bad_request("Send one file.", param="file")
            self.form.file_seen = True
        elif _FILENAME.search(head):
            raise bad_request("Only the part named file may be a file.", param=self._part[:100])

    def _take(self, data: bytes) -> None:
        if self._part is None:
            if data.strip(b"\r\n"):
                raise bad_request("The multipart body must begin with its boundary.")
        elif self._is_file:
            self.form.file_bytes += len(data)
            if len(self.form.file_head) < PART_HEAD_LIMIT_BYTES:
                self.form.file_head += data[:PART_HEAD_LIMIT_BYTES]
        else:
            self._value += data
            if len(self._value) > FIELD_LIMIT_BYTES:
                raise bad_request("The field is too long.", param=self._part[:100])

    def _end_part(self) -> None:
        if self._part is None:
            return
        if not self._is_file:
            try:
                value = self._value.decode()
            except UnicodeDecodeError:
                raise bad_request("The field must be UTF-8.", param=self._part[:100]) from None
            if self._part in self.form.fields and not self._part.endswith("[]"):
                raise bad_request("Send the field once.", param=self._part[:100])
            self.form.fields[self._part] = value
        self._part = None
        self._value.clear()


def read_form(content_type: bytes, body: bytes) -> Form:
    """A whole body at once."""
    reader = FormReader(content_type)
    reader.feed(body)
    return reader.finish()
