"""Audio uploads: metered before they go out, passed on as they come."""

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.gateway.http.refusal import Refusal
from pulumi_groq.gateway.inference.audio_length import longest_audio_ms
from pulumi_groq.gateway.inference.multipart import FormReader

TYPE = {"content-type": "multipart/form-data; boundary=XyZ"}
Field = tuple[str, bytes]


def form(*fields: Field, end: bytes = b"--XyZ--\r\n") -> bytes:
    parts = []
    for name, value in fields:
        extra = b'; filename="a.mp3"\r\nContent-Type: audio/mpeg' if name == "file" else b""
        head = b'--XyZ\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + extra
        parts.append(head + b"\r\n\r\n" + value + b"\r\n")
    return b"".join(parts) + end


MODEL: Field = ("model", b"whisper-large-v3-turbo")
FILE: Field = ("file", b"\x00\r\n--Xy" * 1000)
WAV = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, 16_000, 1, 2, 16)


def flac(samples_per_s: int, samples: int) -> bytes:
    """The beginning of a file: of two channels of 16 bits."""
    told = samples_per_s << 44 | 1 << 41 | 15 << 36 | samples
    return b"fLaC\x00\x00\x00\x22" + bytes(10) + told.to_bytes(8, "big") + bytes(16)


@pytest.mark.parametrize("order", [(MODEL, FILE), (FILE, MODEL)])
def test_the_model_may_come_before_or_after_the_file(bench: Callable[..., Any], order: Any) -> None:
    """Both orders that clients send are served, and the upstream gets the same bytes."""
    made = bench()
    answer = made.post("audio/transcriptions", form(*order), TYPE)
    assert (answer.status, json.loads(answer.body)["text"]) == (200, f"{len(FILE[1])} bytes of audio.")


@pytest.mark.parametrize("route", ["audio/transcriptions", "audio/translations"])
@pytest.mark.parametrize(
    ("field", "status", "code"),
    [
        ("foo", 400, "unknown_field"),
        ("audio_url", 400, "unknown_field"),
        ("_charset_", 400, "unknown_field"),
        ("foo[]", 400, "unknown_field"),
        ("url", 403, "tool_not_allowed"),
        ("known_speaker_references[]", 403, "tool_not_allowed"),
    ],
)
def test_a_form_has_documented_fields_only(
    bench: Callable[..., Any], route: str, field: str, status: int, code: str
) -> None:
    """Before or after the file, as in JSON: what is not known may make the upstream read more."""
    for fields in ([MODEL, (field, b"x"), FILE], [FILE, (field, b"x"), MODEL], [MODEL, FILE, (field, b"x")]):
        made = bench()
        answer = made.post(route, form(*fields), TYPE)
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"]) == (status, code)
        assert error["param"] == field.removesuffix("[]")
        assert made.echo.calls.total() == 0


def test_every_documented_list_passes(bench: Callable[..., Any]) -> None:
    """As both official clients write them, as often as they have values."""
    lists = [("timestamp_granularities[]", b"word"), ("timestamp_granularities[]", b"segment")]
    answer = bench().post("audio/transcriptions", form(MODEL, *lists, ("language", b"en"), FILE), TYPE)
    assert answer.status == 200


def test_a_translation_is_charged_by_size(bench: Callable[..., Any]) -> None:
    """An answer that states no duration is charged as reserved: the size at 6 kbit/s, at least 10 s."""
    made = bench()
    made.post("audio/translations", form(MODEL, ("file", bytes(200_000))), TYPE)
    [settled] = made.metering.settled
    assert 2963 <= settled.consumption.cost_micro_usd <= 2970
    assert (settled.consumption.tokens, settled.demand.tokens) == (0, 0)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (form(FILE), 400, "model"),
        (form(MODEL), 400, "file"),
        (form(MODEL, FILE, ("model", b"other")), 400, "model"),
        (form(MODEL, ("model", b"other"), FILE), 400, "model"),
        (form(MODEL, FILE, ("Model", b"other")), 400, "model"),
        (form(MODEL, FILE, FILE), 400, "file"),
        (form(MODEL, FILE, ("url", b"https://example.com/long.mp3")), 403, "url"),
        (form(("url", b"https://example.com/long.mp3"), MODEL), 403, "url"),
        (form(("model", b"whisper-large-v3"), FILE), 403, None),
        (form(("model", b"openai/gpt-oss-20b"), FILE), 400, "model"),
        (form(MODEL, FILE, end=b""), 400, None),
        (form(MODEL, ("prompt", b"\xff"), FILE), 400, "prompt"),
        (form(MODEL, ("prompt", b"x" * 70_000), FILE), 400, "prompt"),
        (b"preamble" + form(MODEL, FILE), 400, None),
        (b"", 400, None),
    ],
)
def test_a_bad_form_is_refused(
    bench: Callable[..., Any], body: bytes, status: int, param: str | None
) -> None:
    """Missing, repeated, ambiguous and unmeterable fields are refused, early or late; nothing is charged."""
    made = bench()
    answer = made.post("audio/transcriptions", body, TYPE)
    assert (answer.status, json.loads(answer.body)["error"].get("param")) == (status, param)
    assert [each.consumption for each in made.metering.settled] in ([], [None])


def test_an_upload_needs_its_length(bench: Callable[..., Any]) -> None:
    """Without a length there is nothing to reserve for: 411."""
    answer = bench().post("audio/transcriptions", form(MODEL, FILE), {**TYPE, "content-length": ""})
    assert answer.status == 411


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data", "multipart/form-data; boundary="]
)
def test_another_content_type_is_400(bench: Callable[..., Any], content_type: str) -> None:
    """An upload is multipart/form-data with a boundary."""
    assert (
        bench().post("audio/transcriptions", form(MODEL, FILE), {"content-type": content_type}).status == 400
    )


@given(cuts=st.lists(st.integers(min_value=0), max_size=40))
def test_any_cut_reads_the_same_form(cuts: list[int]) -> None:
    """However the body is cut, the fields and the file's size are the same."""
    body = form(MODEL, FILE, ("response_format", b"json"))
    reader = FormReader(TYPE["content-type"].encode())
    places = [0, *sorted(cut % len(body) for cut in cuts), len(body)]
    for at, end in pairwise(places):
        reader.feed(body[at:end])
    read = reader.finish()
    assert (read.fields, read.file_bytes) == (
        {"model": "whisper-large-v3-turbo", "response_format": "json"},
        len(FILE[1]),
    )


@given(body=st.binary(max_size=400))
def test_garbage_is_refused_or_read(body: bytes) -> None:
    """No bytes make the reader fail in any other way than by refusing; none are lost."""
    reader = FormReader(TYPE["content-type"].encode())
    with suppress(Refusal):
        reader.feed(b"--XyZ" + body)
        assert reader.finish().file_bytes <= len(body)


@pytest.mark.parametrize(
    ("size", "head", "expected_ms"),
    [
        (32_000, WAV, 1_000),  # 16 kHz, 16 bit, mono; its stated byte rate is a lie
        (30_000, b"ID3", 40_000),
        (30_000, b"fLaC" + bytes(60), 40_000),  # it declares no length
        (30_000, flac(16_000, 16_000 * 10), 40_000),  # less than its bytes may hold
        (30_000, flac(16_000, 16_000 * 3600), 3_600_000),  # an hour, most of it silence
        (30_000, flac(48_000, 2**36 - 1), 1_431_655_766),
        (30_000, flac(8_000, 8_000 * 50 + 1)[:26], 50_001),
        (30_000, flac(8_000, 8_000 * 50 + 1)[:25], 40_000),
        (30_000, flac(0, 2**36 - 1), 40_000),  # a rate at which nobody records
        (30_000, b"ID3\x04\x00\x00\x00\x00\x00\x03abc" + flac(8_000, 8_000 * 60), 60_000),
        (30_000, b"OggS" + bytes(60), 40_000),
        (30_000, WAV[:20] + b"\x55\x00" + WAV[22:], 40_000),  # MP3 inside WAV
        (30_000, WAV[:22] + b"\x00\x00" + WAV[24:], 40_000),  # no channels
        (30_000, WAV[:22] + b"\xff\xff" + WAV[24:], 40_000),  # too many
        (30_000, WAV[:24] + b"\xff" * 4 + WAV[28:], 40_000),  # 4 GHz
        (30_000, WAV[:34] + b"\xff\xff", 40_000),  # 65,535 bits
        (32_000, b"\xff\xfb\x90\x64" + bytes(60), 8_000),  # MPEG-1 Layer III
        (32_000, b"ID3\x04\x00\x00\x00\x00\x00\x23" + bytes(35) + b"\xff\xfb\x90\x64", 8_000),
        (30_000, b"\xff\xf3\x18\xc4" + bytes(60), 40_000),  # MPEG-2 may be of 8 kbit/s
        (30_000, b"\xff\xfb\x00\x64" + bytes(60), 40_000),  # a free bit rate
        (0, b"", 1),
    ],
)
def test_how_long_audio_may_be(size: int, head: bytes, expected_ms: int) -> None:
    """Plain WAV is measured by its sample format, all else taken as the lowest rate that its format has;
    FLAC, which has none, as what it declares if that is more.
    """
    assert longest_audio_ms(size, head) == expected_ms
