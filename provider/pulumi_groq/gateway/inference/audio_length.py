"""How long an uploaded audio file may be, judged by its size.

A length that a file's header declares is not looked at: the header of 60 kB may say one hour. What the
bytes can hold is bounded by the lowest bit rate of the format.
"""

import re
import struct
from typing import Final

LOWEST_BYTES_PER_S: Final = 750
"""6 kbit/s: the lowest rate of Opus (RFC 6716, 2.1.1), and below the lowest of MP3 and AAC (8 kbit/s)."""

MPEG_1_LOWEST_BYTES_PER_S: Final = 4_000
"""32 kbit/s: the lowest rate of MPEG-1 Layer III (ISO/IEC 11172-3, 2.4.2.3); MPEG-2 goes down to 8."""

_PCM_HEAD: Final = struct.Struct("<4sI4s4sIHHIIHH")
_PCM: Final = 1
_SOUND_HZ: Final = range(8_000, 192_001)
_SOUND_BITS: Final = (8, 16, 24, 32)
_SOUND_CHANNELS: Final = range(1, 9)

_ID3_HEAD_BYTES: Final = 10
_MPEG_1_LAYER_3: Final = re.compile(rb"\xff[\xfa\xfb][\x10-\xef]")
"""The head of a frame: sync, version, layer; a bit rate that is neither free nor forbidden."""


def longest_audio_ms(file_bytes: int, file_head: bytes) -> int:
    """Milliseconds: exact for plain WAV (PCM), else what the format's lowest bit rate would give."""
    bytes_per_s = _pcm_bytes_per_s(file_head) or _mp3_bytes_per_s(file_head) or LOWEST_BYTES_PER_S
    return max(1, -(-file_bytes * 1000 // bytes_per_s))


def _pcm_bytes_per_s(file_head: bytes) -> int | None:
    """From the sample format, as decoders do, for the stated byte rate may be anything. `None` for a format
    in which nobody records: at 4 GHz an hour would be over in no time.
    """
    if len(file_head) < _PCM_HEAD.size:
        return None
    riff, _, wave, fmt, _, coding, channels, samples_per_s, _, _, bits = _PCM_HEAD.unpack_from(file_head)
    if (riff, wave, fmt, coding) != (b"RIFF", b"WAVE", b"fmt ", _PCM):
        return None
    if samples_per_s not in _SOUND_HZ or bits not in _SOUND_BITS or channels not in _SOUND_CHANNELS:
        return None
    return int(channels * samples_per_s * bits // 8)


def _mp3_bytes_per_s(file_head: bytes) -> int | None:
    """Where a frame of MPEG-1 Layer III begins the file, or follows its ID3v2 tag; `None` elsewhere."""
    at = 0
    if file_head.startswith(b"ID3") and len(file_head) >= _ID3_HEAD_BYTES:
        for seven_bits in file_head[6:_ID3_HEAD_BYTES]:
            at = at << 7 | seven_bits & 0x7F
        at += _ID3_HEAD_BYTES
    return MPEG_1_LOWEST_BYTES_PER_S if _MPEG_1_LAYER_3.match(file_head, at) else None
