"""Metrics and logs tell what happened, with bounded labels and without secrets."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.logs import ROOT, RequestLog, set_up_logs
from pulumi_groq.gateway.metrics import GatewayMetrics

KEY = "pgq_" + "A" * 48
PROMPT = "a very private prompt"
RECORD = RequestRecord(
    request_id="req_01abc",
    method="POST",
    route="chat/completions",
    key_id="key_01abc",
    model="openai/gpt-oss-20b",
    status=200,
    prompt_tokens=10,
    cached_tokens=4,
    completion_tokens=5,
    cost_micro_usd=7,
    upstream_s=0.03,
    added_s=0.0002,
    total_s=0.0456,
)


@pytest.fixture
def metrics() -> Callable[..., GatewayMetrics]:
    return GatewayMetrics


@pytest.fixture
def logged() -> Iterator[Callable[[Any], io.StringIO]]:
    """Sets the gateway's logs up in a format, and puts the logger back as it was."""
    logger = logging.getLogger(ROOT)
    former = (logger.handlers[:], logger.level, logger.propagate)

    def set_up(log_format: Any) -> io.StringIO:
        stream = io.StringIO()
        set_up_logs(log_format, stream)
        return stream

    yield set_up
    logger.handlers[:], logger.level, logger.propagate = former


def scraped(metrics: GatewayMetrics) -> dict[str, float]:
    """Samples by name and labels, as text."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_a_request_is_counted(metrics: Callable[..., GatewayMetrics]) -> None:
    """Requests, tokens by kind, cost and both latencies are counted with their labels."""
    made = metrics()
    made.observe(RECORD)
    got = scraped(made)
    used = "('key_id', 'key_01abc')"
    model = "('model', 'openai/gpt-oss-20b')"
    assert got[f"pulumi_groq_requests_total[{model}, ('route', 'chat/completions'), ('status', '200')]"] == 1
    assert got[f"pulumi_groq_tokens_total[{used}, ('kind', 'prompt'), {model}]"] == 6
    assert got[f"pulumi_groq_tokens_total[{used}, ('kind', 'cached'), {model}]"] == 4
    assert got[f"pulumi_groq_tokens_total[{used}, ('kind', 'completion'), {model}]"] == 5
    assert got[f"pulumi_groq_cost_micro_usd_total[{used}, {model}]"] == 7
    assert got[f"pulumi_groq_upstream_seconds_sum[{model}]"] == 0.03
    assert got["pulumi_groq_added_seconds_sum[]"] == 0.0002


def test_keys_can_be_left_out_of_the_labels(metrics: Callable[..., GatewayMetrics]) -> None:
    """With many keys an operator may do without the label."""
    made = metrics(key_labels=False)
    made.observe(RECORD)
    assert not [name for name in scraped(made) if "key_01abc" in name]


def test_what_metering_tells_is_counted(metrics: Callable[..., GatewayMetrics]) -> None:
    """Alerts, expired leases and the ledger's writes have counters; gauges are read when scraped."""
    made = metrics()
    made.alert_fired(100_000_000)
    made.alert_delivery("delivered")
    made.lease_expired()
    made.ledger_written(3)
    made.ledger_failed()
    made.watch(running=lambda: 5, reservations=lambda: 6, backlog=lambda: 7)
    got = scraped(made)
    assert [
        got["pulumi_groq_alerts_total[]"],
        got["pulumi_groq_alert_deliveries_total[('outcome', 'delivered')]"],
        got["pulumi_groq_expired_leases_total[]"],
        got["pulumi_groq_ledger_rows_total[]"],
        got["pulumi_groq_ledger_failures_total[]"],
        got["pulumi_groq_running_requests[]"],
        got["pulumi_groq_open_reservations[]"],
        got["pulumi_groq_ledger_backlog[]"],
    ] == [1, 1, 1, 3, 1, 5, 6, 7]


def test_labels_are_bounded(bench: Callable[..., Any], metrics: Callable[..., GatewayMetrics]) -> None:
    """Whatever callers send, the label values are the gateway's own words and a key's own models."""
    made, counted = bench(), metrics()
    for number in range(30):
        made.post("chat/completions", json.dumps({"model": f"model-{number}", "messages": []}).encode())
        made.request(f"M{number}", f"/openai/v1/path-{number}")
        made.post(f"batches/{number}", b"", {"authorization": f"Bearer {number}"})
    for record in made.records:
        counted.observe(record)
    series = [
        name for name in scraped(counted) if name.startswith(("pulumi_groq_requests", "pulumi_groq_denials"))
    ]
    assert len(series) == 6


def test_metrics_are_served(metrics: Callable[..., GatewayMetrics]) -> None:
    """The scrape answers in Prometheus's text form."""
    made = metrics()
    made.observe(RECORD)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(made({}, send, send))
    assert sent[0]["status"] == 200
    assert b"# TYPE pulumi_groq_requests_total counter" in sent[1]["body"]


def test_a_json_line(logged: Callable[[Any], io.StringIO]) -> None:
    """In json a request is one object a line."""
    stream = logged("json")
    RequestLog().observe(RECORD)
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "message": "request",
        "request_id": "req_01abc",
        "key_id": "key_01abc",
        "method": "POST",
        "route": "chat/completions",
        "model": "openai/gpt-oss-20b",
        "status": 200,
        "reason": "-",
        "tokens": 15,
        "cost_micro_usd": 7,
        "ms": 45.6,
        "upstream_request_id": "-",
    }


def test_a_text_line(logged: Callable[[Any], io.StringIO]) -> None:
    """In text a request is one line of name=value pairs, at warning for a 5xx."""
    stream = logged("text")
    RequestLog().observe(
        RequestRecord(request_id="req_01abc", method="GET", status=502, reason="upstream_timeout")
    )
    [line] = stream.getvalue().splitlines()
    assert " warning request request_id=req_01abc key_id=- method=GET route=unknown" in line
    assert " status=502 reason=upstream_timeout " in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_stays_one_line(logged: Callable[[Any], io.StringIO], log_format: str) -> None:
    """Line ends in a message cannot forge a second line."""
    stream = logged(log_format)
    logging.getLogger(f"{ROOT}.x").warning("one\r\ntwo")
    assert len(stream.getvalue().splitlines()) == 1


def test_no_secret_is_logged_or_counted(
    bench: Callable[..., Any], logged: Callable[[Any], io.StringIO], metrics: Callable[..., GatewayMetrics]
) -> None:
    """Keys, prompts, answers and key names appear in no log line, metric or error body."""
    stream, counted, made = logged("json"), metrics(), bench()
    log = RequestLog()
    bodies = [
        made.post("chat/completions", json.dumps(body).encode(), headers).body
        for headers in ({}, {"authorization": f"Bearer {KEY}x"})
        for body in (
            {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": PROMPT}]},
            {"model": "other", "messages": [{"role": "user", "content": PROMPT}]},
            {"model": "openai/gpt-oss-20b", "n": PROMPT},
        )
    ]
    for record in made.records:
        log.observe(record)
        counted.observe(record)
    told = stream.getvalue() + str(scraped(counted)) + b"".join(bodies[1:]).decode()
    assert KEY not in told
    assert PROMPT not in told
    assert "chatbot" not in told
