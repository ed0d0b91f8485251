"""How long an uploaded audio file may be, judged by its size."""

import struct
from typing import Final

LOWEST_BYTES_PER_S: Final = 2_000
"""16 kbit/s: what compressed speech is seldom below. Music and the like take more, and are overrated."""

_PCM_HEAD: Final = struct.Struct("<4sI4s4sIHHIIHH")
_PCM: Final = 1


def longest_audio_ms(file_bytes: int, file_head: bytes) -> int:
    """Milliseconds: exact for plain WAV (PCM), else what 16 kbit/s would give."""
    return max(1, -(-file_bytes * 1000 // (_pcm_bytes_per_s(file_head) or LOWEST_BYTES_PER_S)))


def _pcm_bytes_per_s(file_head: bytes) -> int | None:
    """From the sample format, as decoders do, for the stated byte rate may be anything."""
    if len(file_head) < _PCM_HEAD.size:
        return None
    riff, _, wave, fmt, _, coding, channels, samples_per_s, _, _, bits = _PCM_HEAD.unpack_from(file_head)
    if (riff, wave, fmt, coding) != (b"RIFF", b"WAVE", b"fmt ", _PCM):
        return None
    return channels * samples_per_s * bits // 8 or None
