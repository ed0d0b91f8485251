"""How long the audio in a file may be, told by the first bytes of it."""

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

_FLAC: Final = struct.Struct(">4s14xQ")
"""Its mark; of the block that comes first the rate (20 bits), channels and bits, and the samples (36 bits) of
all the file (RFC 9639, 8.2).
"""

_ID3_HEAD_BYTES: Final = 10
MPEG_RATES: Final = b"".join(b"\\x%x0-\\x%xb" % (rate, rate) for rate in range(1, 15))
"""In a set of a pattern: a bit rate that is neither free nor forbidden, with a sample rate that there is."""
MPEG_1_LAYER_3: Final = re.compile(rb"\xff[\xfa\xfb][" + MPEG_RATES + rb"]")
"""The head of a frame: sync, version, layer, rates."""


def longest_audio_ms(file_bytes: int, file_head: bytes) -> int:
    """Milliseconds: exact for plain WAV (PCM), else what the format's lowest bit rate would give; of FLAC,
    which has none where nothing is heard, what it declares if that is more.
    """
    bytes_per_s = pcm_bytes_per_s(file_head) or _mp3_bytes_per_s(file_head) or LOWEST_BYTES_PER_S
    return max(1, -(-file_bytes * 1000 // bytes_per_s), _flac_ms(file_head))


def pcm_bytes_per_s(file_head: bytes) -> int | None:
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
    return MPEG_1_LOWEST_BYTES_PER_S if MPEG_1_LAYER_3.match(file_head, tag_bytes(file_head)) else None


def _flac_ms(file_head: bytes) -> int:
    """What a FLAC file declares; 0 of any other, and of one that declares none."""
    at = tag_bytes(file_head)
    if len(file_head) < at + _FLAC.size:
        return 0
    mark, declared = _FLAC.unpack_from(file_head, at)
    samples_per_s, samples = declared >> 44, declared & (1 << 36) - 1
    if mark != b"fLaC" or samples_per_s not in _SOUND_HZ:
        return 0
    return int(-(-samples * 1000 // samples_per_s))


def tag_bytes(file_head: bytes) -> int:
    """The length of the ID3v2 tag that begins the file; 0 without one."""
    size = 0
    if file_head.startswith(b"ID3") and len(file_head) >= _ID3_HEAD_BYTES:
        for seven_bits in file_head[6:_ID3_HEAD_BYTES]:
            size = size << 7 | seven_bits & 0x7F
        size += _ID3_HEAD_BYTES
    return size
