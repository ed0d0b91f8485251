"""Holds the audio of an upload to what its first bytes promise, while it is passed on.

Money is reserved by those bytes: a WAV's sample format, MP3's lowest rate. Decoders go by all of the file:
FFmpeg takes compressed frames in a WAV for what they are, and a file for what most of its frames are. So what
breaks the promise ends the upload: the upstream never has the whole of it.
"""

import re
from collections.abc import Callable
from typing import Final

from pulumi_groq.gateway.http.refusal import Refusal, bad_request
from pulumi_groq.gateway.inference.audio_length import (
    LOWEST_BYTES_PER_S,
    MPEG_1_LAYER_3,
    MPEG_RATES,
    longest_audio_ms,
    pcm_bytes_per_s,
    tag_bytes,
)

_HERTZ: Final = (44_100, 48_000, 32_000)
_KBIT_1_3: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBIT_1_2: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_KBIT_1_1: Final = tuple(range(0, 449, 32))
_KBIT_2_3: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KBIT_2_1: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_KBIT_AC3: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_WORDS_A_KBIT: Final = (2, 320 / 147, 3)
"""By sample rate: 48, 44.1 and 32 kHz (ATSC A/52, table 5.18)."""


def _mpeg_audio(head: bytes) -> int:
    """ISO/IEC 11172-3, 2.4.1.3, and 13818-3, with the half sample rates of MPEG-2.5."""
    version, layer, rate, hertz = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    padding = head[2] >> 1 & 1
    per_s = _HERTZ[hertz] >> (3 - version if version else 2)
    if version == 3:
        kbit = (_KBIT_1_3, _KBIT_1_2, _KBIT_1_1)[layer - 1][rate]
    else:
        kbit = (_KBIT_2_1 if layer == 3 else _KBIT_2_3)[rate]
    if layer == 3:
        return (12_000 * kbit // per_s + padding) * 4
    return (72_000 if version != 3 and layer == 1 else 144_000) * kbit // per_s + padding


def _adts(head: bytes) -> int | None:
    """ISO/IEC 13818-7, 6.2."""
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length >= 7 else None


def _loas(head: bytes) -> int | None:
    """ISO/IEC 14496-3, 1.7.2."""
    length = (head[1] & 31) << 8 | head[2]
    return length + 3 if length else None


def _ac3(head: bytes) -> int | None:
    """ATSC A/52, 5.4.1 and annex E."""
    if head[5] >> 3 > 10:
        return ((head[2] & 7) << 8 | head[3]) * 2 + 2 if head[5] >> 3 <= 16 else None
    hertz, size = head[4] >> 6, head[4] & 63
    if hertz == 3 or size >= 2 * len(_KBIT_AC3):
        return None
    words = int(_KBIT_AC3[size // 2] * _AC3_WORDS_A_KBIT[hertz]) + (size & 1 if hertz == 1 else 0)
    return words * 2


_ADTS_RATES: Final = rb"\x00-\x33\x40-\x73\x80-\xb3\xc0-\xf3"
_FRAME: Final = re.compile(
    rb"\xff(?=[\xe2-\xe7\xf2-\xf7\xfa-\xff][" + MPEG_RATES + rb"]|[\xf0\xf1\xf8\xf9][" + _ADTS_RATES + rb"])"
    rb"|\x56(?=[\xe0-\xff])|\x0b(?=\x77)"
)
"""Heads only: frames may overlap with what looks like one."""
_HEAD_BYTES: Final = 6


def _frame(head: bytes) -> tuple[str, int | None]:
    """Of which format the frame is that begins so, and how long."""
    if head[0] == 0x56:
        return "loas", _loas(head)
    if head[0] == 0x0B:
        return "ac3", _ac3(head)
    return ("adts", _adts(head)) if head[1] & 6 == 0 else ("mpeg", _mpeg_audio(head))


BEGINNING_BYTES: Final = 64 * 1024
FRAMES_AT_THE_BEGINNING: Final = 3
FRAMES: Final = 8
"""One behind the other make a stream of them: samples look so by chance once in many thousand hours."""
LOOKED_AT_BYTES: Final = 8 * 1024 * 1024
"""Decoders make up their minds before: FFmpeg within 5 MB."""
_BYTES_A_HEAD: Final = 8
"""More heads than one for so many bytes are no sound, and would take long to look at."""


_SYNCS: Final = re.compile(
    rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\x00|\xff\x1f\x00\xe8|\xf8\x72\x6f[\xba\xbb]"
)
"""Of DTS in its four forms (ETSI TS 102 114), which FFmpeg looks for in WAV by name, and of TrueHD and MLP:
words that samples hardly have even once.
"""


class _Samples:
    """No frames of a compressed format stand one behind the other among them."""

    def __init__(self) -> None:
        self._syncs = 0
        self._rest = b""
        self._at = 0
        self._awaited: dict[tuple[str, int], int] = {}

    def feed(self, data: bytes) -> None:
        if self._at > LOOKED_AT_BYTES:
            return
        data = self._rest + data
        end = max(0, len(data) - _HEAD_BYTES + 1)
        for heads, match in enumerate(_FRAME.finditer(data), 1):
            at = match.start()
            if at >= end:
                break
            kind, size = _frame(data[at : at + _HEAD_BYTES])
            frames = self._awaited.pop((kind, self._at + at), 0) + 1
            enough = FRAMES_AT_THE_BEGINNING if self._at + at <= BEGINNING_BYTES else FRAMES
            if frames >= enough or heads > _HEAD_BYTES + len(data) // _BYTES_A_HEAD:
                raise _broken("WAV of plain samples", "compressed audio")
            if size is not None:
                self._awaited[kind, self._at + at + size] = frames
        self._syncs += sum(match.start() < end for match in _SYNCS.finditer(data))
        if self._syncs >= FRAMES:
            raise _broken("WAV of plain samples", "compressed audio")
        self._rest = data[end:]
        self._at += end
        self._awaited = {each: frames for each, frames in self._awaited.items() if each[1] >= self._at}


TAGS_BYTES: Final = 1024
"""What may stand between and behind frames of MP3: ID3v1 has 128 bytes."""


class _Frames:
    """MP3's frames of MPEG-1 behind a tag of `skip` bytes, and so little else that all of it, that taken as
    audio of the lowest rate, is no longer than `longest_ms`.
    """

    def __init__(self, skip: int, longest_ms: int) -> None:
        self._skip = skip
        self._longest_ms = longest_ms
        self._rest = b""
        self._framed_ms = 0.0
        self._other_bytes = -TAGS_BYTES
        self._last = 0, 0.0

    def feed(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while True:
            step = min(self._skip, len(data) - at)
            at, self._skip = at + step, self._skip - step
            if self._skip or len(data) - at < _HEAD_BYTES:
                break
            at = self._next(data, at)
        self._rest = data[at:]
        other_ms = max(0, self._other_bytes) * 1000 / LOWEST_BYTES_PER_S
        if self._framed_ms + other_ms > self._longest_ms:
            raise _broken("MP3", "something else")

    def _next(self, data: bytes, at: int) -> int:
        if MPEG_1_LAYER_3.match(data, at):
            size = _mpeg_audio(data[at : at + _HEAD_BYTES])
            ms = 1_152_000 / _HERTZ[data[at + 2] >> 2 & 3]
            self._framed_ms, self._skip, self._last = self._framed_ms + ms, size, (size, ms)
            return at
        # What no other follows may be none: any bytes can look like the head of one.
        size, ms = self._last
        self._framed_ms, self._last = self._framed_ms - ms, (0, 0.0)
        found = MPEG_1_LAYER_3.search(data, at + 1)
        here = found.start() if found else len(data) - 2
        self._other_bytes += size + here - at
        return here


_HEAD_LIMIT_BYTES: Final = 16 * 1024
"""A longer tag hides from whoever reserves what follows it, so that nothing was promised."""
_TELLING_BYTES: Final = 64


class AudioFile:
    """Takes a file in order, from an upload of `length_bytes`. Raises `Refusal` 400 where it may be longer
    than `longest_audio_ms` says.
    """

    def __init__(self, length_bytes: int) -> None:
        self._length_bytes = length_bytes
        self._head = b""
        self._walk: Callable[[bytes], None] | None = None

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        if self._walk is None:
            self._head += data
            self._walk = self._chosen(self._head)
            data = self._head
        if self._walk is not None:
            self._head = b""
            self._walk(data)

    def _chosen(self, head: bytes) -> Callable[[bytes], None] | None:
        """`None` while that cannot be told."""
        tag = tag_bytes(head)
        if len(head) < _TELLING_BYTES or len(head) < tag + _HEAD_BYTES <= _HEAD_LIMIT_BYTES:
            return None
        if pcm_bytes_per_s(head):
            return _Samples().feed
        if MPEG_1_LAYER_3.match(head, tag):
            return _Frames(tag, longest_audio_ms(self._length_bytes, head)).feed
        return _nothing_promised


def _nothing_promised(_data: bytes) -> None:
    """The lowest rate of all formats was reserved for."""


def _broken(promise: str, found: str) -> Refusal:
    return bad_request(
        f"The file begins as {promise} and holds {found}, so how long it is cannot be told. Send that in a "
        "file of its own format.",
        param="file",
    )
