"""A file is what its first bytes promise, to its end: money was reserved by them."""

import json
import struct
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.audio_file import LOOKED_AT_BYTES, AudioFile

WAV = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, 16_000, 0, 2, 16, b"data", 0)
RANDOM = Random(1)  # noqa: S311  the same sound in each run
MP3 = b"\xff\xfb\x90\x64" + RANDOM.randbytes(413)
"""A frame of MPEG-1 Layer III: 128 kbit/s at 44.1 kHz."""


def adts(size: int = 90) -> bytes:
    """A frame of AAC at 16 kHz."""
    return bytes((0xFF, 0xF1, 0x60, 0x40 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 31)) + bytes(
        size - 6
    )


FRAMES = {
    "aac": adts(),
    "aac in loas": b"\x56\xe0\x57" + bytes(87),
    "mp3 of mpeg-2": b"\xff\xf3\x18\xc4" + bytes(32),
    "mp3 of mpeg-2.5": b"\xff\xe3\x18\xc4" + bytes(68),
    "mp3": MP3,
    "mpeg layer 2": b"\xff\xfd\x48\xc4" + bytes(284),
    "mpeg layer 1": b"\xff\xff\x18\xc4" + bytes(44),
    "ac-3": b"\x0b\x77\x00\x00\x08\x40" + bytes(250),
    "ac-3 at 44.1 kHz": b"\x0b\x77\x00\x00\x41\x40" + bytes(134),
    "dts": b"\x7f\xfe\x80\x01" + bytes(508),
    "dts, little-endian": b"\xfe\x7f\x01\x80" + bytes(508),
    "dts of 14 bits": b"\x1f\xff\xe8\x00" + bytes(508),
    "dts of 14 bits, little-endian": b"\xff\x1f\x00\xe8" + bytes(508),
    "truehd": b"\xf8\x72\x6f\xba" + bytes(508),
    "e-ac-3": b"\x0b\x77\x00\x3f\x3f\x80" + bytes(122),
}


def refusal(content: bytes, cut: int) -> Refusal | None:
    """Of a file that arrives in pieces of `cut` bytes."""
    file = AudioFile(len(content) + 300)
    try:
        for at in range(0, len(content), cut):
            file.feed(content[at : at + cut])
    except Refusal as refused:
        return refused
    return None


@pytest.mark.parametrize("cut", [7, 1_000, 65_536])
@pytest.mark.parametrize("before", [0, 100_000])
@pytest.mark.parametrize("name", FRAMES)
def test_wav_holds_no_compressed_audio(name: str, before: int, cut: int) -> None:
    """Decoders take such frames for what they are, and then the file is many times as long."""
    assert refusal(WAV + bytes(before) + FRAMES[name] * 20, cut) is not None


@pytest.mark.parametrize("loudest", [1, 20, 300, 32_767])
def test_sound_passes_as_wav(loudest: int) -> None:
    """Quiet or loud, also behind what decoders look at."""
    of_a_second = b"".join(struct.pack("<h", RANDOM.randint(-loudest, loudest)) for _ in range(16_000))
    assert refusal(WAV + of_a_second * 10, 65_536) is None
    assert refusal(WAV + bytes(LOOKED_AT_BYTES + 65_536) + of_a_second, 65_536) is None


@pytest.mark.parametrize("cut", [1, 5, 4096])
def test_a_word_of_dts_counts_once_however_it_arrives(cut: int) -> None:
    """Seven are what samples may have by chance; one at the end of a piece is looked at twice."""
    words = b"\x7f\xfe\x80\x01" + bytes(60)
    assert refusal(WAV + words * 7 + bytes(100), cut) is None
    assert refusal(WAV + words * 8 + bytes(100), cut) is not None


def test_a_file_of_nothing_but_heads_is_given_up() -> None:
    """Each would have to be looked at."""
    assert refusal(WAV + b"\xff\xf1\x60" * 3_000, 65_536) is not None


@pytest.mark.parametrize("cut", [7, 1_000, 65_536])
@pytest.mark.parametrize("tag", [b"", b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)])
def test_mp3_passes(tag: bytes, cut: int) -> None:
    """With tags before and behind it, and cut off within a frame."""
    for end in (b"", b"TAG" + bytes(125), MP3[:100]):
        assert refusal(tag + MP3 * 50 + end, cut) is None


@pytest.mark.parametrize("cut", [7, 1_000, 65_536])
@pytest.mark.parametrize("name", ["aac", "mp3 of mpeg-2"])
def test_mp3_is_mp3_to_its_end(name: str, cut: int) -> None:
    """One frame of MPEG-1 does not make the rest one: at 8 kbit/s it is four times as long."""
    assert refusal(MP3 + FRAMES[name] * 500, cut) is not None


@pytest.mark.parametrize("head", [b"fLaC", b"OggS", b"ID3\x04\x00\x00\x00\x00\x00\x08fLaC", adts()])
def test_where_the_lowest_rate_is_reserved_nothing_is_looked_for(head: bytes) -> None:
    """Those formats may hold whatever they do."""
    assert refusal(head + bytes(60) + FRAMES["aac"] * 50, 65_536) is None


@pytest.mark.parametrize("route", ["audio/transcriptions", "audio/translations"])
def test_a_broken_promise_ends_the_upload(bench: Callable[..., Any], route: str) -> None:
    """Wherever the model stands: the upstream has no whole file, and nothing is charged."""
    file = (
        b'--XyZ\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        + WAV
        + adts() * 100
        + b"\r\n"
    )
    model = b'--XyZ\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-large-v3-turbo\r\n'
    for parts in (file + model, model + file):
        made = bench()
        answer = made.post(
            route, parts + b"--XyZ--\r\n", {"content-type": "multipart/form-data; boundary=XyZ"}
        )
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["param"]) == (400, "file")
        assert "cannot be told" in error["message"]
        assert [each.consumption for each in made.metering.settled] in ([], [None])
