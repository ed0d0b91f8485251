"""Whatever the upstream does, the caller gets a clear answer and the reservation is settled."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from pulumi_groq.gateway.inference.http_upstream import HttpUpstream, UpstreamTimeouts
from pulumi_groq.gateway.upstream_keys import DEFAULT, KeySource, UpstreamKeys

KEY = "pgq_" + "A" * 48
OPERATOR_KEY = "operator-key-of-the-gateway"
HEADERS = {"authorization": f"Bearer {KEY}", "cookie": "a=b", "x-forwarded-for": "10.0.0.1"}
CHAT = {"model": "openai/gpt-oss-20b", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
ANSWER = json.dumps({"id": "chatcmpl-1", "choices": [], "usage": USAGE}).encode()
FRAME = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
PERMISSION = (
    b'{"error":{"message":"blocked","type":"permissions_error","code":"model_permission_blocked_org"}}'
)
Play = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def whole(status: int, body: bytes, *headers: bytes) -> bytes:
    """An HTTP answer with its length."""
    head = [b"HTTP/1.1 %d X" % status, b"content-type: application/json", b"content-length: %d" % len(body)]
    return b"\r\n".join([*head, *headers, b"", body])


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@pytest.fixture
def faulty(bench: Callable[..., Any], serving: Callable[..., str]) -> Callable[..., Any]:
    """Makes a gateway in front of an upstream that answers each request by `play`, on a raw socket."""

    def make(play: Play, *, read_s: float = 5.0, connect: bool = True) -> tuple[str, Any, list[bytes]]:
        requests: list[bytes] = []
        listener = socket.create_server(("127.0.0.1", 0))
        upstream = HttpUpstream(
            f"http://127.0.0.1:{listener.getsockname()[1]}",
            UpstreamKeys([KeySource(DEFAULT, OPERATOR_KEY)]),
            timeouts=UpstreamTimeouts(connect_s=1, read_s=read_s),
        )
        if not connect:
            listener.close()
        made = bench(upstream=upstream)
        app = WithUpstream(made.plane, upstream, play, requests, listener if connect else None)
        return serving(app, lifespan="on"), made, requests

    return make


class WithUpstream:
    """The plane, and beside it in the same loop the upstream."""

    def __init__(
        self, plane: Any, upstream: Any, play: Play, requests: list[bytes], listener: socket.socket | None
    ) -> None:
        self._plane, self._upstream, self._play = plane, upstream, play
        self._requests, self._listener = requests, listener

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._plane(scope, receive, send)
            return
        await receive()
        server = self._listener and await asyncio.start_server(self._serve, sock=self._listener)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._upstream.close()
        if server is not None:
            server.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                body = await reader.readexactly(length)
                self._requests.append(head + body)
                await self._play(body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def plays(*pieces: bytes, then: str = "stay") -> Play:
    """Writes the pieces; then stays, closes, resets, or hangs."""

    async def play(_body: bytes, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then == "reset":
            await asyncio.sleep(0.02)
            writer.transport.abort()
        elif then == "close":
            writer.close()
        elif then == "hang":
            await asyncio.sleep(3)

    return play


def asked(base: str, **change: Any) -> httpx.Response:
    return httpx.post(f"{base}/openai/v1/chat/completions", json=CHAT | change, headers=HEADERS, timeout=60)


PASSED = [
    (whole(429, b'{"error":{"message":"slow down"}}', b"retry-after: 7"), 429, "7"),
    (whole(500, b'{"error":{"message":"oops"}}'), 500, None),
    (whole(503, b'{"error":{"message":"over capacity"}}', b"retry-after: 3"), 503, "3"),
    *(
        (whole(429, b'{"error":{"message":"slow down"}}', b"retry-after: " + wait), 429, None)
        for wait in (b"-1", b"nan", b"inf", b"1e309", b"9" * 400, b"soon", b"7, 8", b"\xd9\xa3")
    ),
    (
        whole(429, b'{"error":{}}', b"retry-after: Wed, 21 Oct 2026 07:28:00 GMT"),
        429,
        "Wed, 21 Oct 2026 07:28:00 GMT",
    ),
    (whole(498, b'{"error":{"message":"capacity"}}'), 498, None),
    (whole(400, b'{"error":{"message":"bad field"}}'), 400, None),
    (whole(403, PERMISSION), 403, None),
]


@pytest.mark.parametrize(("answer", "status", "retry_after"), PASSED)
@pytest.mark.parametrize("stream", [True, False])
def test_upstream_errors_pass_through(
    faulty: Callable[..., Any], answer: bytes, status: int, retry_after: str | None, stream: bool
) -> None:
    """An error of the upstream reaches the caller with its body and retry-after, and costs nothing."""
    base, made, _ = faulty(plays(answer))
    got = asked(base, stream=stream)
    assert (got.status_code, got.content) == (status, answer.split(b"\r\n\r\n", 1)[1])
    assert got.headers.get("retry-after") == retry_after
    assert [(each.consumption, each.status) for each in made.metering.settled] == [(None, status)]


@pytest.mark.parametrize("content_type", [b"application/json", b"text/event-stream", b"audio/wav"])
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_without_content_has_none(
    faulty: Callable[..., Any], content_type: bytes, *, stream: bool
) -> None:
    """Whatever type it gives to that; it may have been generated, so it costs what was reserved."""
    base, made, _ = faulty(plays(b"HTTP/1.1 204 X\r\ncontent-type: " + content_type + b"\r\n\r\n"))
    got = asked(base, stream=stream)
    assert (got.status_code, got.content) == (204, b"")
    [settled] = made.metering.settled
    assert settled.consumption.cost_micro_usd == settled.demand.cost_micro_usd


@pytest.mark.parametrize("status", [401, 403])
def test_a_rejected_operator_key_is_not_the_callers_fault(
    faulty: Callable[..., Any], caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """A 401, or a 403 that is not about a model, becomes 502 upstream_key_rejected and a loud log line."""
    base, made, _ = faulty(plays(whole(status, b'{"error":{"message":"Invalid API Key"}}')))
    got = asked(base)
    assert (got.status_code, got.json()["error"]["code"]) == (502, "upstream_key_rejected")
    assert [each.consumption for each in made.metering.settled] == [None]
    assert "GROQ_API_KEY" in caplog.text
    assert OPERATOR_KEY not in caplog.text


@pytest.mark.parametrize(
    ("play", "status", "code", "charged"),
    [
        (plays(then="reset"), 502, "upstream_unreachable", False),
        (plays(then="close"), 502, "upstream_unreachable", False),
        (plays(b"SSH-2.0-garbage\r\n", then="close"), 502, "upstream_unreachable", False),
        (plays(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), 502, "upstream_unreachable", False),
        (plays(whole(302, b"", b"location: http://127.0.0.1:1/")), 502, "upstream_bad_answer", False),
        (plays(whole(700, b"{}")), 502, "upstream_bad_answer", False),
        (plays(then="hang"), 504, "upstream_timeout", True),
        (plays(whole(200, ANSWER)[:-5], then="reset"), 502, "upstream_unreachable", True),
        (plays(whole(200, ANSWER)[:-5], then="hang"), 504, "upstream_timeout", True),
    ],
)
def test_an_upstream_that_fails_before_an_answer(
    faulty: Callable[..., Any], play: Play, status: int, code: str, charged: bool
) -> None:
    """Resets, garbage and timeouts have codes of their own; what may have been generated is charged."""
    base, made, _ = faulty(play, read_s=0.3)
    got = asked(base)
    assert (got.status_code, got.json()["error"]["code"]) == (status, code)
    [settled] = made.metering.settled
    assert (settled.consumption is not None) == charged
    assert (made.metering.open, got.headers["x-ratelimit-limit-requests"]) == ({}, "1000")


def test_an_upstream_that_is_not_there(faulty: Callable[..., Any]) -> None:
    """A refused connection is 502, at once, and costs nothing."""
    base, made, _ = faulty(plays(), connect=False)
    assert asked(base).json()["error"]["code"] == "upstream_unreachable"
    assert [each.consumption for each in made.metering.settled] == [None]


@pytest.mark.parametrize("then", ["reset", "hang"])
def test_a_stream_that_breaks_off_ends_with_an_error_event(faulty: Callable[..., Any], then: str) -> None:
    """What arrived is passed on, an error event ends the stream, and what was counted is charged."""
    base, made, _ = faulty(plays(STREAM_HEAD, FRAME * 5, then=then), read_s=0.3)
    got = asked(base, stream=True)
    assert got.content.startswith(FRAME * 5 + b"event: error\ndata: ")
    last = json.loads(got.content.rsplit(b"data: ", 1)[1])
    assert last["error"]["code"] == ("upstream_unreachable" if then == "reset" else "upstream_timeout")
    assert last["x_groq"] == {"id": got.headers["x-request-id"], "error": last["error"]["message"]}
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [5]


@pytest.mark.parametrize(
    "error",
    [
        b'event: error\ndata: {"error":{"message":"overloaded"}}\n\n',
        b'data: {"type":"error","message":"overloaded"}\n\n',
        b'event: response.failed\ndata: {"type":"response.failed","response":{"usage":null}}\n\n',
    ],
)
def test_a_stream_that_the_upstream_says_broke_off_is_charged_as_one(
    faulty: Callable[..., Any], error: bytes
) -> None:
    """Its own error passes as it is, without another one behind it; what was counted is charged."""
    base, made, _ = faulty(plays(STREAM_HEAD, FRAME * 5, error, then="close"))
    assert asked(base, stream=True).content == FRAME * 5 + error
    [tokens] = [each.consumption.completion_tokens for each in made.metering.settled]
    assert 5 < tokens < 50


def test_garbage_as_an_answer_is_charged_as_reserved(faulty: Callable[..., Any]) -> None:
    """A 200 that states no usage passes unchanged and costs what was reserved."""
    base, made, _ = faulty(plays(whole(200, b"\x00garbage")))
    assert asked(base).content == b"\x00garbage"
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [50]


def test_garbage_as_a_stream_is_charged_by_its_size(faulty: Callable[..., Any]) -> None:
    """A stream of garbage is declared broken; it is not free, and not dearer than what was reserved."""
    base, made, _ = faulty(plays(STREAM_HEAD, b"\x00garbage" * 100, then="close"))
    assert asked(base, stream=True).content.startswith(b"event: error\n")
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [50]


@pytest.mark.parametrize(
    ("last", "whole_stream"),
    [
        (b"data: [DONE]\n\n", True),
        (b'event: response.completed\ndata: {"type":"response.completed"}\n\n', True),
        (b'data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n', False),
        (b"data: [DO", False),
    ],
)
def test_a_stream_without_its_last_event_is_broken(
    faulty: Callable[..., Any], last: bytes, whole_stream: bool
) -> None:
    """An upstream that just stops is noticed, even where the connection ended in good order."""
    base, _, _ = faulty(plays(STREAM_HEAD, FRAME, last, then="close"))
    assert (b"event: error" not in asked(base, stream=True).content) == whole_stream


def test_a_huge_answer_passes(faulty: Callable[..., Any]) -> None:
    """An answer of many megabytes arrives whole, and its usage is read."""
    answer = json.dumps({"text": "x" * 8_000_000, "usage": USAGE}).encode()
    base, made, _ = faulty(plays(whole(200, answer)))
    assert asked(base).content == answer
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [5]


def test_an_answer_beyond_the_limit_is_502(bench: Callable[..., Any], options: Any, echo_script: Any) -> None:
    """A whole answer above the limit is not held in memory, and is charged as reserved."""
    made = bench(options=options(answer_limit_bytes=100), script=echo_script(states_usage=True))
    answer = made.post("chat/completions", json.dumps(CHAT).encode())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (502, "upstream_answer_too_large")
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [50]


def test_what_goes_upstream(faulty: Callable[..., Any]) -> None:
    """The body goes out unchanged, with the operator's key, identity encoding and no other headers."""
    base, _, requests = faulty(plays(whole(200, ANSWER, b"set-cookie: a=b", b"x-request-id: req_up")))
    body = (
        b' {"model": "openai/gpt-oss-20b",\n "messages":[{"role":"user","content":"\\u00e9"}], "top_p": 1.50}'
    )
    got = httpx.post(f"{base}/openai/v1/chat/completions", content=body, headers=HEADERS, timeout=60)
    head, _, sent = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    names = sorted(line.split(":")[0].lower() for line in lines[1:])
    assert (lines[0], sent) == ("POST /openai/v1/chat/completions HTTP/1.1", body)
    assert names == [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    ]
    assert f"Bearer {OPERATOR_KEY}" in head.decode()
    assert KEY not in head.decode()
    assert (got.headers["x-upstream-request-id"], got.content) == ("req_up", ANSWER)
    assert "set-cookie" not in got.headers
    assert got.headers["x-request-id"].startswith("req_01")


@pytest.mark.parametrize("stated", [b"x" * 201, b"req 1", b"req\xc2\x85status=500", b""])
def test_an_upstreams_request_id_that_is_none_is_left_out(faulty: Callable[..., Any], stated: bytes) -> None:
    """What would not be one word in a line of the log is neither logged nor passed on."""
    base, made, _ = faulty(plays(whole(200, ANSWER, b"x-request-id: " + stated)))
    assert "x-upstream-request-id" not in asked(base).headers
    assert [each.upstream_request_id for each in made.records] == [""]


def test_the_usage_is_always_asked_for(faulty: Callable[..., Any]) -> None:
    """A stream is asked for its usage even if the caller did not, and the extra chunk is kept back."""
    extra = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
    base, made, requests = faulty(
        plays(STREAM_HEAD, FRAME, extra[:20], extra[20:] + b"data: [DONE]\n\n", then="close")
    )
    got = asked(base, stream=True)
    assert json.loads(requests[0].partition(b"\r\n\r\n")[2])["stream_options"] == {"include_usage": True}
    assert got.content == FRAME + b"data: [DONE]\n\n"
    assert [each.consumption.completion_tokens for each in made.metering.settled] == [5]


def test_connections_to_the_upstream_are_kept(faulty: Callable[..., Any]) -> None:
    """Requests in sequence share one connection to the upstream."""
    writers = set()

    async def play(_body: bytes, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        writer.write(whole(200, ANSWER))

    base, _, requests = faulty(play)
    for _ in range(5):
        asked(base)
    assert (len(requests), len(writers)) == (5, 1)
