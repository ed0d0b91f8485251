"""Embeddings, transcriptions and speech: small deterministic stand-ins in the right shapes."""

import hashlib
import json
import struct
from typing import Any, Final

from pulumi_groq.gateway.inference.echo.request import (
    EchoRefusalError,
    EchoRequest,
    prompt_tokens,
    request_id,
)

DIMENSIONS: Final = 8
SAMPLES_PER_S: Final = 8000
BYTES_PER_AUDIO_S: Final = 2000


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


def transcription(audio_bytes: int, response_format: str, body: bytes) -> tuple[bytes, bytes]:
    """Content type and body of a transcription; the audio is taken as 16 kbit/s long."""
    seconds = round(audio_bytes / BYTES_PER_AUDIO_S, 2)
    text = f"{audio_bytes} bytes of audio."
    if response_format == "text":
        return b"text/plain", text.encode()
    answer: dict[str, Any] = {"text": text, "x_groq": {"id": request_id(hashlib.sha256(body).digest())}}
    if response_format == "verbose_json":
        segment = {"id": 0, "start": 0, "end": seconds, "text": text}
        answer = {
            "task": "transcribe",
            "language": "English",
            "duration": seconds,
            "segments": [segment],
            **answer,
        }
    return b"application/json", json.dumps(answer).encode()


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
