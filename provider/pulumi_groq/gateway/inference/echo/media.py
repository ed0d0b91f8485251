"""Embeddings, transcriptions and speech: small deterministic stand-ins in the right shapes."""

import hashlib
import io
import json
import struct
import wave
from typing import Any, Final

from pulumi_groq.gateway.inference.audio_length import longest_audio_ms
from pulumi_groq.gateway.inference.echo.request import (
    EchoRefusalError,
    EchoRequest,
    prompt_tokens,
    request_id,
)
from pulumi_groq.gateway.inference.multipart import Form

DIMENSIONS: Final = 8
SAMPLES_PER_S: Final = 8000
BYTES_PER_AUDIO_S: Final = 2000
"""16 kbit/s: what compressed speech is often near."""


def embeddings(request: EchoRequest) -> dict[str, Any]:
    """One unit-less vector of 8 numbers for each input. Raises `EchoRefusalError` without input."""
    given = request.fields.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        raise EchoRefusalError("'input' : is required")
    vector = [byte / 255 for byte in request.digest[:DIMENSIONS]]
    count = prompt_tokens([text for text in texts if isinstance(text, str)])
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))],
        "model": request.model,
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }


def transcription(form: Form, body: bytes) -> tuple[bytes, bytes]:
    """Content type and body of a transcription, in the `response_format` that the form asks for."""
    response_format = form.fields.get("response_format", "json")
    text = f"{form.file_bytes} bytes of audio."
    if response_format == "text":
        return b"text/plain", text.encode()
    answer: dict[str, Any] = {"text": text, "x_groq": {"id": request_id(hashlib.sha256(body).digest())}}
    if response_format == "verbose_json":
        seconds = audio_s(form.file_bytes, form.file_head)
        answer = {
            "task": "transcribe",
            "language": "English",
            "duration": seconds,
            "segments": [_segment(text, seconds)],
            **answer,
        }
    return b"application/json", json.dumps(answer).encode()


def audio_s(file_bytes: int, file_head: bytes) -> float:
    """Seconds, to 10 ms: of a WAV file's frames, else of 16 kbit/s; never more than the bytes can hold."""
    seconds = file_bytes / BYTES_PER_AUDIO_S
    try:
        with wave.open(io.BytesIO(file_head)) as file:
            seconds = file.getnframes() / file.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        pass  # another format, or a head that stops short
    return round(min(seconds, longest_audio_ms(file_bytes, file_head) / 1000), 2)


def _segment(text: str, seconds: float) -> dict[str, Any]:
    """With every field that Whisper states of a segment (documented in Groq's speech-to-text guide)."""
    return {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": -0.1,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


def speech(request: EchoRequest) -> bytes:
    """A WAV file of silence, 10 ms a character. Raises `EchoRefusalError` without input."""
    text = request.fields.get("input")
    if not isinstance(text, str) or not text:
        raise EchoRefusalError("'input' : is required")
    samples = len(text) * SAMPLES_PER_S // 100
    data = bytes(samples * 2)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLES_PER_S, SAMPLES_PER_S * 2, 2, 16)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body
