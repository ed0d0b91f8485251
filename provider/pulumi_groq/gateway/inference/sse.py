"""Server-sent events on their way through: whole frames pass undecoded, the last usage is kept."""

import json
import re
from typing import Final

from pulumi_groq.gateway.inference.usage import TokenUsage, usage_in

FRAME_LIMIT_BYTES: Final = 256 * 1024
"""A frame longer than this passes in pieces, and a usage inside it is not seen."""

_USAGE: Final = re.compile(rb'"usage"\s*:\s*\{')
_END: Final = re.compile(
    rb"^(?:data: ?\[DONE\]|event: ?(?:response\.(?:completed|incomplete|failed)|error)\b)", re.MULTILINE
)
_FRAME_ENDS: Final = (b"\n\n", b"\n\r\n")
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
        end = _end_of_last_frame(piece)
        if end == len(piece):
            self._held = b""
        elif len(piece) - end > FRAME_LIMIT_BYTES:
            self._held = b""
            return piece
        else:
            self._held = piece[end:]
            piece = piece[:end]
        self._count(piece)
        return self._inspected(piece) if b'"usage"' in piece else piece

    def rest(self) -> bytes:
        """What was kept back when the upstream ended without finishing its frame."""
        held, self._held = self._held, b""
        self._count(held)
        self.may_end_with(held)
        return self._inspected(held)

    def may_end_with(self, piece: bytes) -> bool:
        """Whether a client may take `piece`, as `feed` gave it, for the end of the stream."""
        # The plain searches come first: they cost a fraction of the patterns, and mostly find nothing.
        if (b"[DONE]" in piece or b"event:" in piece) and _END.search(piece):
            self.ended = True
        return self.ended or (b'"usage"' in piece and _USAGE.search(piece) is not None)

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
        passed = []
        position = 0
        for match in _USAGE.finditer(piece):
            if match.start() < position:
                continue  # a frame may state it twice
            start = max(position, _end_of_last_frame(piece[position : match.start()]) + position)
            end = _FRAME_END.search(piece, match.end())
            frame = piece[start : end.end() if end else len(piece)]
            self._usage_frame = frame
            passed.append(piece[position:start])
            position = start + len(frame)
            if not (self._hide_usage and _is_only_usage(frame)):
                passed.append(frame)
        passed.append(piece[position:])
        return b"".join(passed)


def _end_of_last_frame(piece: bytes) -> int:
    if piece.endswith(b"\n\n"):
        return len(piece)
    ends = [piece.rfind(mark) + len(mark) for mark in _FRAME_ENDS if mark in piece]
    return max(ends, default=0)


def _data(frame: bytes) -> bytes:
    lines = (line.rstrip(b"\r") for line in frame.split(b"\n"))
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))


def _is_only_usage(frame: bytes) -> bool:
    try:
        chunk = json.loads(_data(frame))
    except (ValueError, RecursionError):
        return False
    return isinstance(chunk, dict) and chunk.get("choices") == [] and "usage" in chunk
