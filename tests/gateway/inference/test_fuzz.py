"""No body, header or path makes the inference plane answer 5xx, hang, or let anything through."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEY = "pgq_" + "A" * 48
ROUTES = ["chat/completions", "responses", "embeddings", "audio/speech", "audio/transcriptions"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "model", "messages", "input", "stream", "stream_options", "max_tokens", "max_completion_tokens",
        "max_output_tokens", "n", "service_tier", "tools", "tool_choice", "background", "compound_custom",
        "seed", "Model", "role", "content", "text",
    ]
)  # fmt: skip
BODIES = st.dictionaries(FIELDS | st.text(max_size=8), VALUES, max_size=8)
PLAUSIBLE: dict[str, Any] = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": "hi"}],
    "input": "hi",
}
LINE = st.binary(max_size=40).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))
FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(route=st.sampled_from(ROUTES), body=st.binary(max_size=200))
def test_bytes_as_a_body(bench: Callable[..., Any], route: str, body: bytes) -> None:
    """Arbitrary bytes are refused as the caller's fault and reach no upstream."""
    made = bench()
    answer = made.post(route, body, {"content-type": "multipart/form-data; boundary=b"})
    assert 400 <= answer.status < 500
    assert json.loads(answer.body)["error"]["message"]
    assert made.echo.calls.total() == 0


@FUZZ
@given(route=st.sampled_from(ROUTES[:4]), body=BODIES)
def test_json_of_any_shape(bench: Callable[..., Any], route: str, body: dict[str, Any]) -> None:
    """Arbitrary JSON objects are refused or served, and what was reserved is settled."""
    made = bench()
    answer = made.post(route, json.dumps(body).encode())
    assert answer.status < 500
    assert (made.metering.open, made.metering.twice) == ({}, 0)


@FUZZ
@given(body=BODIES, stream=st.booleans())
def test_plausible_requests_with_odd_fields(
    bench: Callable[..., Any], body: dict[str, Any], stream: bool
) -> None:
    """A good request with arbitrary further fields is refused or served, never failed."""
    made = bench()
    for route in ROUTES[:2]:
        answer = made.post(route, json.dumps({**body, **PLAUSIBLE, "stream": stream}).encode())
        assert answer.status < 500
    assert (made.metering.open, made.metering.twice) == ({}, 0)


@pytest.fixture
def base(bench: Callable[..., Any], serving: Callable[..., str]) -> tuple[str, int]:
    """Host and port of a served plane."""
    host, port = serving(bench().plane).removeprefix("http://").split(":")
    return host, int(port)


def spoken(base: tuple[str, int], request: bytes) -> bytes:
    """What a server says to these bytes before it closes or falls silent; the writer has then finished."""
    with socket.create_connection(base, timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


@FUZZ
@given(name=LINE, value=LINE, target=LINE)
def test_headers_and_targets_on_the_wire(
    base: tuple[str, int], name: bytes, value: bytes, target: bytes
) -> None:
    """Arbitrary header lines and request targets are refused on a real port without a 5xx or a hang."""
    body = json.dumps(PLAUSIBLE).encode()
    answer = spoken(
        base,
        b"POST /openai/v1/chat/completions" + target + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        + b"authorization: Bearer " + KEY.encode() + b"\r\n" + name + b": " + value + b"\r\n"
        + b"content-length: %d\r\n\r\n" % len(body) + body,
    )  # fmt: skip
    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert answer == b"" or answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4"))


@FUZZ
@given(
    name=st.sampled_from(["accept", "user-agent", "content-type", "content-length", "expect", "te"]),
    value=LINE,
)
def test_known_headers_on_the_wire(base: tuple[str, int], name: str, value: bytes) -> None:
    """Arbitrary values in the headers that are read are no trouble either."""
    body = json.dumps(PLAUSIBLE).encode()
    length = b"" if name == "content-length" else b"content-length: %d\r\n" % len(body)
    answer = spoken(
        base,
        b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer "
        + KEY.encode() + b"\r\n" + name.encode() + b": " + value + b"\r\n" + length + b"\r\n" + body,
    )  # fmt: skip
    assert answer == b"" or answer.startswith((b"HTTP/1.1 1", b"HTTP/1.1 2", b"HTTP/1.1 4"))
