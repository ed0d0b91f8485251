"""Whatever an upstream says was used, no answer costs more than was reserved, and none stops the gateway."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_process import Server, start_gateway
from scripted_upstream import ScriptedUpstream, scripted_upstream

PRICES = """
format = 1
as_of = 2026-11-01
[models."test/embed"]
kind = "embedding"
context_window = 8192
prices = { priced_on = 2026-11-01, input = 0.1 }
"""
CHAT, EMBEDDING = "openai/gpt-oss-20b", "test/embed"
WHISPER, SPEECH = "whisper-large-v3-turbo", "canopylabs/orpheus-v1-english"
MESSAGES = [{"role": "user", "content": "hi"}]
OGG = b"OggS" + bytes(60_000)
FLAC_OF_AN_HOUR = b"fLaC\x00\x00\x00\x22" + bytes(10) + b"\x03\xe8\x00\xf0\x03\x6e\xe8\x00" + bytes(60_000)

Usage = dict[str, Any]


def event(chunk: Any) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def chat_answer(usage: Usage) -> bytes:
    return json.dumps({"id": "c", "choices": [], "usage": usage}).encode()


def chat_stream(usage: Usage) -> bytes:
    return event({"choices": [], "x_groq": {"usage": usage}}) + b"data: [DONE]\n\n"


def renamed(usage: Usage) -> Usage:
    names = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens"}
    return {names.get(name, name): value for name, value in usage.items()}


def responses_answer(usage: Usage) -> bytes:
    return json.dumps({"id": "r", "output": [], "usage": renamed(usage)}).encode()


def responses_stream(usage: Usage) -> bytes:
    done = {"type": "response.completed", "response": {"usage": renamed(usage)}}
    return b"event: response.completed\n" + event(done)


SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
TOKEN_ROUTES: dict[str, tuple[str, dict[str, Any], Callable[[Usage], bytes], dict[str, str]]] = {
    "chat": (
        "chat/completions",
        {"model": CHAT, "messages": MESSAGES, "max_completion_tokens": 10},
        chat_answer,
        JSON,
    ),
    "chat stream": (
        "chat/completions",
        {"model": CHAT, "messages": MESSAGES, "max_tokens": 10, "stream": True},
        chat_stream,
        SSE,
    ),
    "responses": (
        "responses",
        {"model": CHAT, "input": "hi", "max_output_tokens": 10},
        responses_answer,
        JSON,
    ),
    "responses stream": (
        "responses",
        {"model": CHAT, "input": "hi", "max_output_tokens": 10, "stream": True},
        responses_stream,
        SSE,
    ),
    "embeddings": ("embeddings", {"model": EMBEDDING, "input": "hi"}, chat_answer, JSON),
    "speech": ("audio/speech", {"model": SPEECH, "input": "hi", "voice": "v"}, chat_answer, JSON),
}
HOSTILE: dict[str, Usage] = {
    "completion 2^64 - 1": {"prompt_tokens": 10, "completion_tokens": 2**64 - 1, "total_tokens": 9},
    "prompt 10^15": {"prompt_tokens": 10**15, "completion_tokens": 1},
    "prompt 10^19": {"prompt_tokens": 10**19, "completion_tokens": 1},
    "prompt 10^30": {"prompt_tokens": 10**30, "completion_tokens": 1},
    "prompt 2^63": {"prompt_tokens": 2**63, "completion_tokens": 0},
    "prompt within the window, beyond the body": {"prompt_tokens": 60_000, "completion_tokens": 1},
    "prompt negative": {"prompt_tokens": -1, "completion_tokens": 1},
    "prompt null": {"prompt_tokens": None, "completion_tokens": 1},
    "prompt missing": {"completion_tokens": 1},
    "prompt a fraction": {"prompt_tokens": 1.5, "completion_tokens": 1},
    "prompt true": {"prompt_tokens": True, "completion_tokens": 1},
    "prompt a text": {"prompt_tokens": "10", "completion_tokens": 1},
    "prompt a list": {"prompt_tokens": [10], "completion_tokens": 1},
    "completion 11 of at most 10": {"prompt_tokens": 10, "completion_tokens": 11},
    "completion 5000.0": {"prompt_tokens": 10, "completion_tokens": 5000.0},
    "completion -1": {"prompt_tokens": 10, "completion_tokens": -1},
    "completion null": {"prompt_tokens": 10, "completion_tokens": None},
    "completion infinite": {"prompt_tokens": 10, "completion_tokens": float("inf")},
    "completion no number": {"prompt_tokens": 10, "completion_tokens": float("nan")},
    "cached above prompt": {
        "prompt_tokens": 10,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 11},
    },
    "cached negative": {
        "prompt_tokens": 10,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": -1},
    },
    "nothing": {},
}
GENERATING = ("chat", "chat stream", "responses", "responses stream")
NO_DURATIONS = [-1, 0, None, True, "3600", 3_600, 1e308, 1e15, 10**30, float("nan"), float("inf"), [1]]


class Gateway:
    """A gateway in front of a scripted upstream, with a key of its own and everything that it charged."""

    def __init__(self, folder: Path, upstream: ScriptedUpstream) -> None:
        (folder / "prices.toml").write_text(PRICES)
        self._folder = folder
        self.upstream = upstream
        self.server = self._started()
        self.expected_requests = 0
        self.expected_micro_usd = 0
        with self.server.client() as client:
            body = {"name": "hostile", "allowed_models": [CHAT, EMBEDDING, WHISPER, SPEECH]}
            free = dict.fromkeys(("requests_per_minute", "tokens_per_minute"), "unlimited")
            self.key = client.post("/api-keys", json=body | free).json()["api_key"]

    def _started(self) -> Server:
        prices = f"--price-list={self._folder / 'prices.toml'}"
        return start_gateway(self._folder, f"--upstream={self.upstream.url}", prices)

    def restart(self) -> None:
        assert self.server.stop() == 0
        self.server.clear_away()
        self.server = self._started()

    def totals(self) -> tuple[int, int]:
        """Requests and micro-dollars of the month."""
        with self.server.client() as client:
            totals = client.get("/usage").json()["month_to_date"]
        return totals["requests"], round(totals["cost_usd"] * 1_000_000)

    def metric(self, name: str) -> float:
        lines = httpx.get(f"{self.server.url}/metrics", trust_env=False, timeout=60).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{"))

    def charged(self, path: str, answer: bytes, headers: dict[str, str], **request: Any) -> int:
        """What one request costs that the upstream answers so."""
        self.upstream.answer, self.upstream.headers = answer, headers
        before = self.totals()
        sent = httpx.post(
            f"{self.server.url}/openai/v1/{path}",
            headers={"authorization": f"Bearer {self.key}"},
            timeout=60,
            trust_env=False,
            **request,
        )
        assert sent.status_code == 200, sent.text
        after = self.totals()
        assert after[0] == before[0] + 1
        return after[1] - before[1]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One for all rows, so that each also shows that those before it did no harm."""
    with scripted_upstream() as upstream:
        made = Gateway(tmp_path_factory.mktemp("hostile"), upstream)
        yield made
        made.server.clear_away()


def reserved(gateway: Gateway, route: str) -> int:
    path, body, _, headers = TOKEN_ROUTES[route]
    silent = b"data: [DONE]\n\n" if headers is SSE else b'{"choices": []}'
    return gateway.charged(path, silent, headers, json=body)


@pytest.mark.parametrize("route", TOKEN_ROUTES)
def test_a_usage_that_cannot_be_is_charged_as_reserved(gateway: Gateway, route: str) -> None:
    """Every hostile usage, on every route, costs what an answer without one costs: the reservation."""
    path, body, answer, headers = TOKEN_ROUTES[route]
    full = reserved(gateway, route)
    assert full > 0
    charged = {
        name: gateway.charged(path, answer(usage), headers, json=body)
        for name, usage in HOSTILE.items()
        if route in GENERATING or not name.startswith("completion null")
    }
    assert charged == dict.fromkeys(charged, full)


@pytest.mark.parametrize("route", GENERATING)
def test_a_usage_without_completion_is_no_usage(gateway: Gateway, route: str) -> None:
    """Where something is generated, half of a usage is none."""
    path, body, answer, headers = TOKEN_ROUTES[route]
    full = reserved(gateway, route)
    assert gateway.charged(path, answer({"prompt_tokens": 10}), headers, json=body) == full


def test_a_usage_that_can_be_is_charged(gateway: Gateway) -> None:
    """The test's own check: 10 + 5 tokens cost less than the reservation, on each route that counts them."""
    for route in (*GENERATING, "embeddings"):
        path, body, answer, headers = TOKEN_ROUTES[route]
        completion = {"completion_tokens": 5} if route in GENERATING else {}
        usage = {"prompt_tokens": 10, **completion}
        assert 0 < gateway.charged(path, answer(usage), headers, json=body) < reserved(gateway, route)


@pytest.mark.parametrize("response_format", ["json", "verbose_json", "text"])
@pytest.mark.parametrize("path", ["audio/transcriptions", "audio/translations"])
def test_a_length_that_cannot_be_is_charged_as_reserved(
    gateway: Gateway, path: str, response_format: str
) -> None:
    """60 kB cost what 60 kB can hold, whatever the upstream heard."""
    upload = {"data": {"model": WHISPER, "response_format": response_format}}
    file = {"files": {"file": ("a.ogg", OGG, "audio/ogg")}}
    full = gateway.charged(path, b'{"text": "x"}', JSON, **upload, **file)
    answers = [json.dumps({"text": "x", "duration": each}).encode() for each in NO_DURATIONS]
    answers += [json.dumps({"text": "x", "usage": {"seconds": each}}).encode() for each in NO_DURATIONS]
    assert {gateway.charged(path, each, JSON, **upload, **file) for each in answers} == {full}
    assert 889 <= full <= 900  # 80 seconds at 0.04 USD an hour; the form around the file counts too


def test_a_length_that_can_be_is_charged(gateway: Gateway) -> None:
    """12.5 seconds of the at most 80, in both places where an answer may state them."""
    upload = {"data": {"model": WHISPER}, "files": {"file": ("a.ogg", OGG, "audio/ogg")}}
    for answer in ({"duration": 12.5}, {"usage": {"type": "duration", "seconds": 12.5}}):
        assert gateway.charged("audio/transcriptions", json.dumps(answer).encode(), JSON, **upload) == 139


def test_silence_is_charged_where_the_file_declares_it(gateway: Gateway) -> None:
    """An hour of FLAC in 60 kB, and no more than that: 0.04 USD."""
    upload = {"data": {"model": WHISPER}, "files": {"file": ("a.flac", FLAC_OF_AN_HOUR, "audio/flac")}}
    for stated, micro_usd in ((12.5, 139), (3_600, 40_000), (3_601, 40_000)):
        answer = json.dumps({"duration": stated}).encode()
        assert gateway.charged("audio/transcriptions", answer, JSON, **upload) == micro_usd


def test_a_transcript_that_looks_like_json_states_nothing(gateway: Gateway) -> None:
    """What somebody said is no statement of the upstream's."""
    upload = {"data": {"model": WHISPER, "response_format": "text"}}
    file = {"files": {"file": ("a.ogg", OGG, "audio/ogg")}}
    text = {"content-type": "text/plain; charset=utf-8"}
    charged = gateway.charged("audio/transcriptions", b'{"duration": 0.001}', text, **upload, **file)
    assert 889 <= charged <= 900


def test_a_number_with_thousands_of_digits_is_no_number(gateway: Gateway) -> None:
    """Python refuses to read it; the request is served, and charged as reserved."""
    path, body, _, headers = TOKEN_ROUTES["chat"]
    answer = b'{"choices": [], "usage": {"prompt_tokens": 1' + b"0" * 5_000 + b', "completion_tokens": 1}}'
    assert gateway.charged(path, answer, headers, json=body) == reserved(gateway, "chat")


def test_disbelief_is_told(gateway: Gateway) -> None:
    """In a metric by reason, and one line of the log that names the request and the numbers."""
    path, body, answer, headers = TOKEN_ROUTES["chat"]
    before = gateway.metric("pulumi_groq_disbelieved_usages_total")
    gateway.charged(path, answer({"prompt_tokens": 10, "completion_tokens": 2**64}), headers, json=body)
    assert gateway.metric("pulumi_groq_disbelieved_usages_total") == before + 1
    log = (gateway.server.store.parent / "gateway.log").read_text()
    assert "charged as reserved: the upstream stated a usage that is impossible: prompt 10" in log
    assert "completion more than 1000000000000000" in log


def test_the_books_are_whole_after_a_restart(gateway: Gateway) -> None:
    """The next start reads what was written, serves, and has the same sums; upkeep never failed."""
    path, body, answer, headers = TOKEN_ROUTES["chat"]
    for usage in HOSTILE.values():
        gateway.charged(path, answer(usage), headers, json=body)
    before = gateway.totals()
    gateway.restart()
    assert gateway.totals() == before
    assert httpx.get(f"{gateway.server.url}/readyz", trust_env=False, timeout=60).status_code == 200
    assert (
        gateway.charged(path, answer({"prompt_tokens": 10, "completion_tokens": 5}), headers, json=body) > 0
    )
    assert "Traceback" not in (gateway.server.store.parent / "gateway.log").read_text()
