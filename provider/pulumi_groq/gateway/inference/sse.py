"""Passes server-sent events through: whole frames undecoded, while keeping the last usage."""

import re
from collections import deque
from typing import Any, Final

from pulumi_groq.gateway.http.bodies import read_json
from pulumi_groq.gateway.inference.charge import UnreadableUsageError, usages

FRAME_LIMIT_BYTES: Final = 1024 * 1024
"""A frame longer than this passes in pieces, and a usage inside it is not seen. The event that ends a
response repeats its instructions and tools: as much as a context window holds has to fit.
"""

_USAGE: Final = re.compile(rb'"usage"\s*:\s*\{')
_DATA: Final = (b"data: ", b"data:")
_FAILURE_TYPE: Final = rb"response\.failed|error"
_END_TYPE: Final = (
    rb"response\.(?:completed|incomplete)|transcript\.text\.done|speech\.audio\.done|" + _FAILURE_TYPE
)
"""The last event of a response, of a transcript and of speech, and a failure of any."""
_END_EVENT: Final = re.compile(rb"^event: ?(?:" + _END_TYPE + rb")\b", re.MULTILINE)
_END_DATA: Final = re.compile(_END_TYPE.decode())
_FAILED_EVENT: Final = re.compile(rb"^event: ?(?:" + _FAILURE_TYPE + rb")\b", re.MULTILINE)
_FAILED_DATA: Final = re.compile(_FAILURE_TYPE.decode())
_FRAME_END: Final = re.compile(rb"\r?\n\r?\n")
BYTES_PER_TOKEN: Final = 4

KEPT_EVENTS: Final = 4
"""The last ones with something like a usage: what that is, is read at the end."""


class _Event:
    """A frame, whose data is read once, when it is asked for: `None` where it is no JSON."""

    __slots__ = ("_data", "_frame")

    def __init__(self, frame: bytes) -> None:
        self._frame: bytes | None = frame
        self._data: Any = None

    @property
    def data(self) -> Any:
        if self._frame is not None:
            self._data, self._frame = _chunk_in(self._frame), None
        return self._data


class SseUsageScanner:
    """Takes the upstream's bytes, cut anywhere, and gives them back cut between frames.

    With `hide_usage` the extra chunk (no choices, only usage) is left out. `may_be_end`: a client may take
    what was fed last for the end. Inside a JSON string quotes and line ends are always escaped, so the
    patterns never match text that a model wrote.
    """

    def __init__(self, *, hide_usage: bool) -> None:
        self.may_be_end = False
        self._has_ended = False
        self._hide_usage = hide_usage
        self._held = self._last = b""
        self._events: deque[_Event] = deque(maxlen=KEPT_EVENTS)
        self._frames = 0
        self._bytes = 0
        self._first_frame_bytes = 0

    def feed(self, piece: bytes) -> bytes:
        """What may go to the client now; the beginning of an unfinished frame is kept back."""
        if self._held:
            piece = self._held + piece
        end = _end_of_last_frame(piece, 0, len(piece))
        if end == len(piece):
            self._held = b""
        elif len(piece) - end > FRAME_LIMIT_BYTES:
            self._held = b""
            self._look_for_end(piece)
            return piece
        else:
            self._held = piece[end:]
            piece = piece[:end]
        return self._taken(piece)

    def rest(self) -> bytes:
        """What was kept back when the upstream ended without finishing its frame."""
        held, self._held = self._held, b""
        return self._taken(held) if held else b""

    def stating_event(self) -> Any:
        """The last event that states a usage, parsed: some upstreams count up in every event. `None` where
        none does. Raises `UnreadableUsageError` where it may be in one that is no JSON: cut off, for one.
        """
        for event in reversed(self._events):
            if event.data is None:
                raise UnreadableUsageError("the event that states it is no JSON")
            if usages(event.data):
                return event.data
        return None

    @property
    def ended(self) -> bool:
        """Whether the event that ends a stream has passed; one that stops before it broke off. Where events
        have no names, it is the last one by the type in its data.
        """
        return self._has_ended or _END_DATA.fullmatch(_last_type(self._last)) is not None

    @property
    def failed(self) -> bool:
        """Whether what ended the stream is the upstream's own word that it broke off."""
        is_named = _FAILED_EVENT.search(self._last) is not None
        return is_named or _FAILED_DATA.fullmatch(_last_type(self._last)) is not None

    @property
    def counted_tokens(self) -> int:
        """Tokens seen passing by: at least one a frame, more where frames outgrow the first, empty one."""
        beyond_framing = self._bytes - self._frames * self._first_frame_bytes
        return max(self._frames, beyond_framing // BYTES_PER_TOKEN)

    def _count(self, piece: bytes) -> None:
        frames = piece.count(b"data:")
        if frames and not self._first_frame_bytes:
            self._first_frame_bytes = len(piece) // frames
        self._frames += frames
        self._bytes += len(piece)

    def _taken(self, piece: bytes) -> bytes:
        if piece:
            self._last = piece
        self._count(piece)
        usage = self._look_for_end(piece)
        return piece if usage is None else self._inspected(piece, usage)

    def _look_for_end(self, piece: bytes) -> re.Match[bytes] | None:
        """Notes whether the stream ends here; gives the first statement of usage."""
        usage = _find_usage(piece)
        self._has_ended = self._has_ended or _is_done(piece)
        self.may_be_end = self._has_ended or usage is not None
        return usage

    def _inspected(self, piece: bytes, first: re.Match[bytes]) -> bytes:
        """Keeps each frame that states a usage, and leaves out the one that is to be hidden."""
        passed = []
        position = 0
        match: re.Match[bytes] | None = first
        while match is not None:
            start = max(position, _end_of_last_frame(piece, position, match.start()))
            end = _FRAME_END.search(piece, match.end())
            frame = piece[start : end.end() if end else len(piece)]
            event = _Event(frame)
            self._events.append(event)
            passed.append(piece[position:start])
            position = start + len(frame)
            if not (self._hide_usage and _is_only_usage(event.data)):
                passed.append(frame)
            match = _find_usage(piece, position)  # after this frame, which may state it twice
        return b"".join((*passed, piece[position:]))


def _is_only_usage(chunk: Any) -> bool:
    return isinstance(chunk, dict) and chunk.get("choices") == [] and "usage" in chunk


def _last_type(piece: bytes) -> str:
    """The type of the last event of `piece`; empty where it has none."""
    event = piece.rstrip(b"\r\n")
    chunk = _chunk_in(event[_end_of_last_frame(event, 0, len(event)) :])
    kind = chunk.get("type") if isinstance(chunk, dict) else None
    return kind if isinstance(kind, str) else ""


# The plain searches come first: they cost a fraction of the patterns, and mostly find nothing.


def _find_usage(piece: bytes, position: int = 0) -> re.Match[bytes] | None:
    at = piece.find(b'"usage"', position)
    return None if at < 0 else _USAGE.search(piece, at)


def _is_done(piece: bytes) -> bool:
    at = piece.rfind(b"[DONE]")
    while at >= 0:
        if piece[piece.rfind(b"\n", 0, at) + 1 : at] in _DATA:
            return True
        at = piece.rfind(b"[DONE]", 0, at)
    return b"event:" in piece and _END_EVENT.search(piece) is not None


def _end_of_last_frame(piece: bytes, start: int, end: int) -> int:
    """Where the last whole frame of `piece[start:end]` ends; 0 without one."""
    if piece.endswith(b"\n\n", start, end):
        return end
    short = piece.rfind(b"\n\n", start, end)
    long = piece.rfind(b"\n\r\n", max(short, start), end)
    return max(short + 2 if short >= 0 else 0, long + 3 if long >= 0 else 0)


def _data(frame: bytes) -> bytes:
    lines = (line.rstrip(b"\r") for line in frame.split(b"\n"))
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))


def _chunk_in(frame: bytes) -> Any:
    """The JSON of a frame's data; `None` where it is none."""
    try:
        return read_json(_data(frame))
    except (ValueError, RecursionError):
        return None
