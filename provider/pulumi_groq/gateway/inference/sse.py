"""Server-sent events on their way through: whole frames pass undecoded, the last usage is kept."""

import json
import re
from typing import Final

from pulumi_groq.gateway.inference.usage import TokenUsage, usage_in

FRAME_LIMIT_BYTES: Final = 256 * 1024
"""A frame longer than this passes in pieces, and a usage inside it is not seen."""

_USAGE: Final = re.compile(rb'"usage"\s*:\s*\{')
_DONE: Final = (b"data: [DONE]", b"data:[DONE]")
_END_EVENT: Final = re.compile(
    rb"^event: ?(?:response\.(?:completed|incomplete|failed)|error)\b", re.MULTILINE
)
_FRAME_END: Final = re.compile(rb"\r?\n\r?\n")
BYTES_PER_TOKEN: Final = 4


class SseRelay:
    """Takes the upstream's bytes, cut anywhere, and gives them back cut between frames.

    With `hide_usage` the extra chunk (no choices, only usage) is left out. `ended` turns true with the
    event that ends a stream; one that stops before it broke off. Inside a JSON string quotes and line
    ends are always escaped, so the patterns never match text that a model wrote.
    """

    def __init__(self, *, hide_usage: bool) -> None:
        self.ended = False
        self._hide_usage = hide_usage
        self._held = b""
        self._usage_frame = b""
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
            return piece
        else:
            self._held = piece[end:]
            piece = piece[:end]
        self._count(piece)
        return self._inspected(piece)

    def rest(self) -> bytes:
        """What was kept back when the upstream ended without finishing its frame."""
        held, self._held = self._held, b""
        self._count(held)
        self.may_end_with(held)
        return self._inspected(held)

    def may_end_with(self, piece: bytes) -> bool:
        """Whether a client may take `piece`, as `feed` gave it, for the end of the stream."""
        if _is_done(piece):
            self.ended = True
        return self.ended or _find_usage(piece) is not None

    def usage(self) -> TokenUsage | None:
        """The last usage that was seen."""
        return usage_in(_data(self._usage_frame)) if self._usage_frame else None

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

    def _inspected(self, piece: bytes) -> bytes:
        """Keeps each frame that states a usage, and leaves out the one that is to be hidden."""
        match = _find_usage(piece)
        passed = []
        position = 0
        while match is not None:
            start = max(position, _end_of_last_frame(piece, position, match.start()))
            end = _FRAME_END.search(piece, match.end())
            frame = piece[start : end.end() if end else len(piece)]
            self._usage_frame = frame
            passed.append(piece[position:start])
            position = start + len(frame)
            if not (self._hide_usage and _is_only_usage(frame)):
                passed.append(frame)
            match = _find_usage(piece, position)  # after this frame, which may state it twice
        return piece if not position else b"".join((*passed, piece[position:]))


# The plain searches come first: they cost a fraction of the patterns, and mostly find nothing.


def _find_usage(piece: bytes, position: int = 0) -> re.Match[bytes] | None:
    at = piece.find(b'"usage"', position)
    return None if at < 0 else _USAGE.search(piece, at)


def _is_done(piece: bytes) -> bool:
    if b"[DONE]" in piece and (piece.startswith(_DONE) or any(b"\n" + mark in piece for mark in _DONE)):
        return True
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


def _is_only_usage(frame: bytes) -> bool:
    try:
        chunk = json.loads(_data(frame))
    except (ValueError, RecursionError):
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and "usage" in chunk
