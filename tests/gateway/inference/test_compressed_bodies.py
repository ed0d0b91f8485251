"""A compressed body is refused both ways: what it grows to has no bound, and not every reader can read it."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pulumi_groq.gateway.inference.upstream import UpstreamAnswer, UpstreamCall

MODEL = "openai/gpt-oss-20b"
CHAT = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1}
CODINGS = ["gzip", "GZIP", "x-gzip", "br", "zstd", "deflate", "identity, gzip", "gzip, identity", "nonsense"]


class CompressingUpstream:
    """Answers with `body` under a content coding, though asked for a plain one."""

    def __init__(self, body: bytes, content_type: str, *codings: str) -> None:
        self._body = body
        self.headers = [(b"content-type", content_type.encode())]
        self.headers += [(b"Content-Encoding", coding.encode()) for coding in codings]

    async def send(self, _call: UpstreamCall) -> UpstreamAnswer:
        return Pieces(200, self.headers, [self._body])

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Pieces:
    """An answer in pieces."""

    status: int
    headers: list[tuple[bytes, bytes]]
    pieces: list[bytes]

    async def next_piece(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def close(self) -> None:
        self.pieces.clear()


WHOLE = (gzip.compress(json.dumps({"choices": [], "usage": USAGE}).encode()), "application/json")
STREAM = (gzip.compress(b"data: [DONE]\n\n"), "text/event-stream")
SOUND = (gzip.compress(b"RIFF"), "audio/wav")


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(("body", "content_type"), [WHOLE, STREAM, SOUND], ids=["whole", "stream", "sound"])
def test_a_compressed_answer_is_502(
    bench: Callable[..., Any], coding: str, body: bytes, content_type: str
) -> None:
    """Whole, streamed or sound: nothing of it is relayed, and it is charged as reserved."""
    made = bench(upstream=CompressingUpstream(body, content_type, coding))
    answer = made.post("chat/completions", json.dumps(CHAT).encode())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (502, "upstream_bad_answer")
    [settled] = made.metering.settled
    assert settled.consumption.cost_micro_usd == settled.demand.cost_micro_usd


@pytest.mark.parametrize("coding", ["gzip, chunked", "Deflate,Chunked", "x-gzip", "br", "nonsense, chunked"])
@pytest.mark.parametrize(("body", "content_type"), [WHOLE, STREAM, SOUND], ids=["whole", "stream", "sound"])
def test_a_compressed_transfer_is_502(
    bench: Callable[..., Any], coding: str, body: bytes, content_type: str
) -> None:
    """`transfer-encoding` can name a compression, too, and is no header that is passed on."""
    upstream = CompressingUpstream(body, content_type)
    upstream.headers.append((b"Transfer-Encoding", coding.encode()))
    answer = bench(upstream=upstream).post("chat/completions", json.dumps(CHAT).encode())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (502, "upstream_bad_answer")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_media_type_has_no_case(bench: Callable[..., Any], content_type: str) -> None:
    """The usage is read in every spelling, and the answer's own spelling is passed on."""
    upstream = CompressingUpstream(json.dumps({"choices": [], "usage": USAGE}).encode(), content_type)
    upstream.headers.append((b"Transfer-Encoding", b"Chunked"))
    made = bench(upstream=upstream)
    answer = made.post("chat/completions", json.dumps(CHAT).encode())
    assert (answer.status, dict(answer.headers)[b"content-type"].decode()) == (200, content_type)
    [settled] = made.metering.settled
    assert settled.consumption.completion_tokens == 1


def test_identity_is_no_compression(bench: Callable[..., Any]) -> None:
    """Spelled out it is what was asked for; one coding among several lines counts."""
    plain = json.dumps({"choices": [], "usage": USAGE}).encode()
    statuses = []
    for codings in (["identity"], [" Identity "], ["identity", "gzip"]):
        made = bench(upstream=CompressingUpstream(plain, "application/json", *codings))
        statuses.append(made.post("chat/completions", json.dumps(CHAT).encode()).status)
    assert statuses == [200, 200, 502]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    "name", ["chat/completions", "responses", "embeddings", "audio/speech", "audio/transcriptions"]
)
def test_a_compressed_request_is_415(bench: Callable[..., Any], name: str, coding: str) -> None:
    """On every route, with what to do; nothing goes to the upstream."""
    made = bench()
    answer = made.post(name, gzip.compress(json.dumps(CHAT).encode()), {"content-encoding": coding})
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (415, "unsupported_content_encoding")
    assert "without content-encoding" in error["message"]
    assert made.echo.calls.total() == 0


def test_identity_is_taken(bench: Callable[..., Any]) -> None:
    """It changes nothing about a body."""
    sent = json.dumps(CHAT).encode()
    assert bench().post("chat/completions", sent, {"content-encoding": "identity"}).status == 200
