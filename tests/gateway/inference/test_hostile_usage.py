"""A real gateway in front of an upstream that states what cannot be: nothing but the reservation is charged,
everybody else is served, and the books open again.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from process_output import wait_for

ADMIN_KEY = "admin-key-of-these-tests"
CHAT, WHISPER, SPEECH, EMBED = (
    "openai/gpt-oss-20b",
    "whisper-large-v3-turbo",
    "canopylabs/orpheus-v1-english",
    "acme/embed",
)
PRICE_LIST = f"""
format = 1
as_of = 2026-11-01
[models."{EMBED}"]
kind = "embedding"
context_window = 8192
prices = {{ priced_on = 2026-11-01, input = 5 }}
"""
NO_COUNTS = (
    "18446744073709551615",
    "9223372036854775808",
    "1000000000000000",
    "1" + "0" * 30,
    "9" * 4000,
    "9" * 5000,
    "5000.0",
    "1e15",
    "1e400",
    "-1",
    "-0.5",
    "NaN",
    "-Infinity",
    "null",
    "true",
    '"7"',
    "[7]",
    '{"a":7}',
    "[" * 3000 + "]" * 3000,
)
NO_SECONDS = (
    "3600",
    "1e308",
    "1e400",
    "-1",
    "0",
    "1e-400",
    "NaN",
    "true",
    '"20"',
    "[20]",
    "1" + "0" * 30,
    "9" * 5000,
)
NO_CACHED = ("11", "-1", "1.0", "true", '"1"', "9" * 30)


def tokens(prompt: str, completion: str | None, cached: str = "0", *, of: str = "") -> str:
    """A usage as chat states it, or `of="responses"`; the numbers are JSON as it is written."""
    one, two = ("input", "output") if of == "responses" else ("prompt", "completion")
    written = "" if completion is None else f'"{two}_tokens":{completion},'
    details = f'"{one}_tokens_details":{{"cached_tokens":{cached}}}'
    return f'{{"{one}_tokens":{prompt},{written}{details},"total_tokens":9}}'


def hostile_tokens(of: str = "") -> Iterator[str]:
    """Usages that no request can have caused, or that cannot be read."""
    yield from (tokens(value, "5", of=of) for value in NO_COUNTS)
    yield from (tokens("10", value, of=of) for value in NO_COUNTS)
    yield from (tokens("10", "5", value, of=of) for value in NO_CACHED)
    yield from (tokens("10", None, of=of), '{"total_tokens":15}', "{}")


def hostile_prompts() -> Iterator[str]:
    """Of embeddings, which have no completion."""
    yield from (f'{{"prompt_tokens":{value},"total_tokens":10}}' for value in NO_COUNTS)


class Route(NamedTuple):
    """A way to use the gateway: what is asked, how the upstream frames a usage, what is hostile in it, and
    what an honest one costs.
    """

    path: str
    body: dict[str, Any] | None
    answer: Callable[[str], str]
    hostile: tuple[str, ...]
    honest: str
    honest_micro_usd: int
    content_type: str = "application/json"
    response_format: str = "json"


CHAT_BODY = {"model": CHAT, "max_completion_tokens": 1000, "messages": [{"role": "user", "content": "hi"}]}
RESPONSES_BODY = {"model": CHAT, "max_output_tokens": 1000, "input": "hi"}
STREAM = "text/event-stream"
SECONDS = '{"type":"duration","seconds":%s}'
ROUTES = {
    "chat": Route(
        "chat/completions",
        CHAT_BODY,
        '{"choices":[],"usage":%s}'.__mod__,
        (*hostile_tokens(),),
        tokens("10", "5"),
        3,
    ),
    "chat stream": Route(
        "chat/completions",
        CHAT_BODY | {"stream": True},
        'data: {"choices":[]}\n\ndata: {"choices":[],"usage":%s}\n\ndata: [DONE]\n\n'.__mod__,
        (*hostile_tokens(),),
        tokens("10", "5"),
        3,
        STREAM,
    ),
    "chat stream, x_groq": Route(
        "chat/completions",
        CHAT_BODY | {"stream": True, "stream_options": {"include_usage": True}},
        'data: {"choices":[{"delta":{}}],"x_groq":{"usage":%s}}\n\ndata: [DONE]\n\n'.__mod__,
        (*hostile_tokens(),),
        tokens("10", "5"),
        3,
        STREAM,
    ),
    "responses": Route(
        "responses",
        RESPONSES_BODY,
        '{"output":[],"usage":%s}'.__mod__,
        (*hostile_tokens("responses"),),
        tokens("10", "5", of="responses"),
        3,
    ),
    "responses stream": Route(
        "responses",
        RESPONSES_BODY | {"stream": True},
        'event: response.completed\ndata: {"type":"response.completed","response":{"usage":%s}}\n\n'.__mod__,
        (*hostile_tokens("responses"),),
        tokens("10", "5", of="responses"),
        3,
        STREAM,
    ),
    "embeddings": Route(
        "embeddings",
        {"model": EMBED, "input": "hi"},
        '{"data":[],"usage":%s}'.__mod__,
        (*hostile_prompts(), tokens("10", "5")),
        '{"prompt_tokens":10,"total_tokens":10}',
        50,
    ),
    "verbose_json": Route(
        "audio/transcriptions",
        None,
        '{"text":"hi","duration":%s}'.__mod__,
        NO_SECONDS,
        "20.0",
        223,
        response_format="verbose_json",
    ),
    "json": Route(
        "audio/transcriptions", None, f'{{"text":"hi","usage":{SECONDS}}}'.__mod__, NO_SECONDS, "20", 223
    ),
    "transcription stream": Route(
        "audio/transcriptions",
        None,
        f'data: {{"type":"transcript.text.done","usage":{SECONDS}}}\n\ndata: [DONE]\n\n'.__mod__,
        NO_SECONDS,
        "20",
        223,
        STREAM,
    ),
    "translation": Route(
        "audio/translations",
        None,
        '{"text":"hi","duration":%s}'.__mod__,
        NO_SECONDS,
        "20.0",
        223,
        response_format="verbose_json",
    ),
    "speech": Route(
        "audio/speech",
        {"model": SPEECH, "input": "hello", "voice": "autumn"},
        '{"usage":%s}'.__mod__,
        (*hostile_tokens(),),
        tokens("10", "5"),
        110,  # by its characters, whatever is stated
    ),
}
OGG = b"OggS" + b"\xa7" * 60_000
"""Nothing before its end says how long it is."""


@dataclass
class Upstream:
    """What it answers next."""

    url: str = ""
    content_type: str = "application/json"
    body: bytes = b"{}"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """An upstream on a port of its own that says whatever it is told to."""
    says = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            lines = (f"content-type: {says.content_type}", f"content-length: {len(says.body)}", "", "")
            self.wfile.write("\r\n".join(("HTTP/1.1 200 OK", *lines)).encode() + says.body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    says.url = f"http://127.0.0.1:{server.server_port}"
    yield says
    server.shutdown()
    thread.join()
    server.server_close()


class Gateway:
    """A gateway process, and clients to it."""

    def __init__(self, process: subprocess.Popen[str], url: str, admin: httpx.Client) -> None:
        self.process = process
        self.url = url
        self.admin = admin

    def new_key(self, **settings: Any) -> str:
        """The value of a key without limits."""
        every = {"requests_per_minute": "unlimited", "tokens_per_minute": "unlimited"}
        body = {"name": "load", "allowed_models": [CHAT, WHISPER, SPEECH, EMBED], **every, **settings}
        value: str = self.admin.post("/openai/v1/api-keys", json=body).raise_for_status().json()["api_key"]
        return value

    def ask(self, route: Route, api_key: str) -> int:
        """The status of one request."""
        fields = {"model": WHISPER, "response_format": route.response_format}
        sent: dict[str, Any] = (
            {"data": fields, "files": {"file": ("a.ogg", OGG)}}
            if route.body is None
            else {"json": route.body}
        )
        headers = {"authorization": f"Bearer {api_key}"}
        return self.admin.post(f"/openai/v1/{route.path}", headers=headers, **sent).status_code

    def spent(self) -> tuple[int, int]:
        """Requests and micro-dollars of the month."""
        totals = self.admin.get("/openai/v1/usage").raise_for_status().json()["month_to_date"]
        return totals["requests"], round(totals["cost_usd"] * 1_000_000)

    def charge(self, route: Route, api_key: str) -> int:
        """What one request that is answered with 200 costs, in micro-dollars."""
        requests, before = self.spent()
        assert self.ask(route, api_key) == 200
        now, after = self.spent()
        assert now == requests + 1
        return after - before

    def disbelieved(self) -> float:
        """How many usages were not believed."""
        lines = self.admin.get("/metrics").text.splitlines()
        name = "pulumi_groq_disbelieved_usages_total"
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


@contextmanager
def running(folder: Path, upstream: Upstream) -> Iterator[Gateway]:
    """`pulumi-groq serve` over the store in `folder`; killed at the end."""
    prices = folder / "prices.toml"
    prices.write_text(PRICE_LIST)
    command = [sys.executable, "-m", "pulumi_groq.cli", "serve", "--port", "0", "--upstream", upstream.url]
    with (
        (folder / "gateway.log").open("a") as log,
        subprocess.Popen(
            [*command, "--store", f"sqlite:///{folder / 'gateway.db'}", "--price-list", str(prices)],
            env={**os.environ, "GROQ_ADMIN_KEY": ADMIN_KEY, "GROQ_API_KEY": "operator-key-of-the-gateway"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            url = wait_for(r"http://\S+", process.stdout)[0]
            headers = {"authorization": f"Bearer {ADMIN_KEY}"}
            with httpx.Client(base_url=url, headers=headers, timeout=60) as admin:
                yield Gateway(process, url, admin)
        finally:
            process.kill()


def test_no_stated_usage_poisons_the_books(tmp_path: Path, upstream: Upstream) -> None:
    """What is hostile costs what an answer without a usage costs, on every route; honest requests between
    are charged exactly. Started again over the same store, killed or stopped, the gateway has the same sums
    and serves on.
    """
    with running(tmp_path, upstream) as gateway:
        api_key = gateway.new_key()
        cap = {"monthly_cap_usd": 50, "alert_thresholds_usd": [49]}
        gateway.admin.put("/openai/v1/spend-policy", json=cap).raise_for_status()
        for name, route in ROUTES.items():
            upstream.content_type = route.content_type
            upstream.body = b"data: [DONE]\n\n" if route.content_type == STREAM else b"{}"
            reserved = gateway.charge(route, api_key)
            assert reserved >= route.honest_micro_usd
            before = gateway.spent()
            for stated in route.hostile:
                upstream.body = route.answer(stated).encode()
                assert (name, stated[:80], gateway.ask(route, api_key)) == (name, stated[:80], 200)
            asked = len(route.hostile)
            expected = (before[0] + asked, before[1] + asked * reserved)
            assert (name, gateway.spent()) == (name, expected)  # none costs more, so none costs less
            upstream.body = route.answer(route.honest).encode()
            assert (name, gateway.charge(route, api_key)) == (name, route.honest_micro_usd)
        assert gateway.disbelieved() > 200
        gateway.admin.get("/readyz").raise_for_status()
        total = gateway.spent()
    for end in (signal.SIGTERM, signal.SIGKILL):
        with running(tmp_path, upstream) as gateway:
            assert gateway.spent() == total
            for name, route in ROUTES.items():
                upstream.content_type = route.content_type
                upstream.body = route.answer(route.honest).encode()
                assert (name, gateway.charge(route, api_key)) == (name, route.honest_micro_usd)
            gateway.admin.get("/readyz").raise_for_status()
            total = gateway.spent()
            gateway.process.send_signal(end)
            gateway.process.wait(60)
    log = (tmp_path / "gateway.log").read_text()
    assert "Traceback" not in log
    assert max(map(len, log.splitlines())) < 400


def test_a_budget_is_never_exceeded_by_what_is_stated(tmp_path: Path, upstream: Upstream) -> None:
    """With 40 at once on each route, and answers that state much more than the request can cause."""
    stated = {
        "chat": tokens("60000", "900"),
        "chat stream": tokens("60000", "900"),
        "responses": tokens("60000", "900", of="responses"),
        "verbose_json": "3600",
        "json": "3600",
        "embeddings": '{"prompt_tokens":8000}',
    }
    with running(tmp_path, upstream) as gateway, ThreadPoolExecutor(20) as pool:
        for name, usage in stated.items():
            route = ROUTES[name]
            upstream.content_type = route.content_type
            upstream.body = route.answer(usage).encode()
            api_key = gateway.new_key(name=name.replace(" ", "-"), monthly_budget_usd=0.003)
            _, before = gateway.spent()
            statuses = set(pool.map(lambda _, r=route, k=api_key: gateway.ask(r, k), range(40)))
            _, after = gateway.spent()
            assert 200 in statuses
            assert statuses <= {200, 400, 429}
            assert 0 < after - before <= 3_000
