"""The echo's answers fit the official clients' models strictly: every required field, in its type."""

import io
import json
import wave
from collections.abc import Callable, Iterator
from typing import Any

import groq.types.audio
import groq.types.chat
import openai.types.audio
import openai.types.audio.transcription_verbose
import openai.types.chat
import openai.types.responses
import pytest
from pydantic import TypeAdapter

from pulumi_groq.gateway.inference.echo.media import audio_s
from pulumi_groq.gateway.inference.echo.request import EchoScript

MODEL = "openai/gpt-oss-20b"
MESSAGES = [{"role": "user", "content": "one two three"}]
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
CHATS: list[dict[str, Any]] = [
    {},
    {"max_completion_tokens": 1},
    {"tools": TOOLS, "tool_choice": "required"},
    {"stream_options": {"include_usage": True}},
]
RESPONSES: list[dict[str, Any]] = [{}, {"max_output_tokens": 1}, {"instructions": "be brief"}]


def fits(model: Any, answer: object) -> None:
    TypeAdapter(model).validate_json(json.dumps(answer), strict=True)


def asked(bench: Callable[..., Any], path: str, body: dict[str, Any], script: EchoScript) -> bytes:
    answer = bench(script=script).post(path, json.dumps({"model": MODEL, **body}).encode())
    assert answer.status == 200
    return bytes(answer.body)


def events(stream: bytes) -> Iterator[Any]:
    for line in stream.splitlines():
        if line.startswith(b"data: {"):
            yield json.loads(line.removeprefix(b"data: "))


def of_openai(answer: dict[str, Any]) -> dict[str, Any]:
    """Groq's tiers have names of their own, which OpenAI's list lacks; all else is common."""
    return {name: value for name, value in answer.items() if name != "service_tier"}


@pytest.mark.parametrize("script", [EchoScript(), EchoScript(cached_tokens=2)])
@pytest.mark.parametrize("changes", CHATS)
def test_chat(bench: Callable[..., Any], changes: dict[str, Any], script: EchoScript) -> None:
    """A completion and each chunk of a stream are what both clients expect."""
    whole = {name: value for name, value in changes.items() if name != "stream_options"}
    answer = json.loads(asked(bench, "chat/completions", {"messages": MESSAGES, **whole}, script))
    fits(groq.types.chat.ChatCompletion, answer)
    fits(openai.types.chat.ChatCompletion, of_openai(answer))
    stream = asked(bench, "chat/completions", {"messages": MESSAGES, "stream": True, **changes}, script)
    chunks = list(events(stream))
    assert len(chunks) > 2
    for chunk in chunks:
        fits(groq.types.chat.ChatCompletionChunk, chunk)
        fits(openai.types.chat.ChatCompletionChunk, of_openai(chunk))


@pytest.mark.parametrize("script", [EchoScript(), EchoScript(cached_tokens=2)])
@pytest.mark.parametrize("changes", RESPONSES)
def test_responses(bench: Callable[..., Any], changes: dict[str, Any], script: EchoScript) -> None:
    """A response, its usage's details and each event of a stream are what the client expects."""
    answer = json.loads(asked(bench, "responses", {"input": "one two three", **changes}, script))
    fits(openai.types.responses.Response, answer)
    assert answer["usage"]["input_tokens_details"]["cached_tokens"] == script.cached_tokens
    stream = asked(bench, "responses", {"input": "one two three", "stream": True, **changes}, script)
    seen = list(events(stream))
    for event in seen:
        fits(openai.types.responses.ResponseStreamEvent, event)
    assert seen[-1]["response"]["usage"] == answer["usage"]


def wav(seconds: int, hz: int, sample_bytes: int, channels: int) -> bytes:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setframerate(hz)
        file.setsampwidth(sample_bytes)
        file.setnchannels(channels)
        file.writeframes(bytes(seconds * hz * sample_bytes * channels))
    return sound.getvalue()


@pytest.mark.parametrize(
    ("hz", "sample_bytes", "channels"), [(8_000, 1, 1), (16_000, 2, 1), (44_100, 2, 2), (48_000, 3, 2)]
)
def test_a_wav_file_lasts_as_long_as_its_sound(
    bench: Callable[..., Any], hz: int, sample_bytes: int, channels: int
) -> None:
    """The length is exact in every sample format, in the answer and in what is charged."""
    sound = wav(13, hz, sample_bytes, channels)
    body = b"".join(
        (
            b'--XyZ\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-large-v3-turbo\r\n',
            b'--XyZ\r\nContent-Disposition: form-data; name="response_format"\r\n\r\nverbose_json\r\n',
            b'--XyZ\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n',
            sound + b"\r\n--XyZ--\r\n",
        )
    )
    made = bench()
    answer = made.post("audio/transcriptions", body, {"content-type": "multipart/form-data; boundary=XyZ"})
    heard = json.loads(answer.body)
    assert (heard["duration"], heard["segments"][0]["end"]) == (13.0, 13.0)
    fits(openai.types.audio.transcription_verbose.TranscriptionVerbose, heard)
    fits(groq.types.audio.Transcription, heard)
    [settled] = made.metering.settled
    # 13 s at 0.04 USD an hour are 144.4 micro-dollars, rounded up.
    assert settled.consumption.cost_micro_usd == 145


@pytest.mark.parametrize("seconds", [1, 3, 60])
def test_a_short_file_is_not_shorter_than_its_bytes(seconds: int) -> None:
    """The frames count, not the head in front of them; a head that lies counts no more than its bytes."""
    sound = wav(seconds, 8_000, 1, 1)
    assert audio_s(len(sound), sound[:8192]) == seconds
    lying = sound[:40] + (2**32 - 1).to_bytes(4, "little") + sound[44:]
    assert audio_s(len(lying), lying[:8192]) <= seconds + 0.01
