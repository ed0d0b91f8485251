"""Passes an upload through: of audio held back until the model is known, then passed on as it arrives."""

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from typing import Final

from pulumi_groq.gateway.http.asgi import Receive, RequestHeaders
from pulumi_groq.gateway.http.bodies import next_piece, request_timeout
from pulumi_groq.gateway.http.refusal import INVALID_REQUEST, Refusal, bad_request, body_too_large
from pulumi_groq.gateway.inference.multipart import Form, FormReader
from pulumi_groq.gateway.inference.options import InferenceOptions
from pulumi_groq.gateway.inference.reach.needs import ELSEWHERE, unknown_field, unserved

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


FILE_HEAD_BYTES = 64


class Upload:
    """A multipart body of `length_bytes`. Raises `Refusal` 411 without a length, 413 above the limit.

    `hold` is told of what is held back (`Client.hold`); `known` are the fields that the form may have; `file`
    is told of the file's bytes. It is read on while it is passed on; what makes it unacceptable late breaks
    the upstream's request off.
    """

    def __init__(
        self,
        receive: Receive,
        head: RequestHeaders,
        options: InferenceOptions,
        hold: Callable[[int], None],
        known: frozenset[str],
        file: Callable[[bytes], object] | None = None,
    ) -> None:
        if head.content_length is None:
            raise _length_required()
        if head.content_length > options.audio_body_limit_bytes:
            raise body_too_large(options.audio_body_limit_bytes)
        self._receive = receive
        self.length_bytes = head.content_length
        self._timeout_s = options.body_timeout_s
        self._reader = FormReader(head.content_type, file)
        self._held: list[bytes] = []
        self._hold = hold
        self._known = known
        self._more = True

    async def model(self) -> str:
        """The model's id, as soon as it and the beginning of the file are there. Raises `Refusal`."""
        form = self._reader.form
        while self._more and not ("model" in form.fields and len(form.file_head) >= FILE_HEAD_BYTES):
            piece = await self._next()
            self._hold(len(piece))
            self._held.append(piece)
        if not self._more:
            self._finish()
        if not form.fields.get("model"):
            raise bad_request("model must be the id of a model.", param="model")
        return form.fields["model"]

    @property
    def form(self) -> Form:
        """What has been read so far."""
        return self._reader.form

    @property
    def longest_audio_ms(self) -> int:
        """How long the audio may be, once `model` has returned."""
        return longest_audio_ms(self.length_bytes, self._reader.form.file_head)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The whole body, unchanged. Raises `Refusal` and `ClientGoneError`."""
        for piece in self._held:
            yield piece
        self._held.clear()
        while self._more:
            piece = await self._next()
            if not self._more:
                self._finish()
            yield piece

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                piece, self._more = await next_piece(self._receive)
        except TimeoutError:
            raise request_timeout(self._timeout_s) from None
        self._reader.feed(piece)
        _check(self._reader.form, self._known)
        return piece

    def _finish(self) -> None:
        if not self._reader.finish().file_seen:
            raise bad_request("file must be the file itself.", param="file")


def _check(form: Form, known: frozenset[str]) -> None:
    for name in form.fields:
        field = name.removesuffix("[]")
        if field in ELSEWHERE:
            raise unserved(
                field,
                "how long that audio is, and so its price, is not known beforehand. Send the audio as file.",
            )
        if field not in known:
            raise unknown_field(field)


def _length_required() -> Refusal:
    message = "An upload needs a content-length header. Send the file with its length, not chunked."
    return Refusal(
        411, INVALID_REQUEST, message, reason="length_required", code="length_required", close=True
    )
