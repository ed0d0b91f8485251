"""Metrics and logs tell what happened, with bounded labels and without secrets."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pulumi_groq.gateway.inference.record import RequestRecord
from pulumi_groq.gateway.logs import ROOT, LineFormatter, RequestLog, set_up_logs
from pulumi_groq.gateway.metrics import GatewayMetrics

KEY = "pgq_" + "A" * 48
PROMPT = "a very private prompt"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
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


@dataclass(frozen=True)
class Logged:
    """The log of requests and where all lines go."""

    requests: RequestLog
    stream: io.StringIO

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def logged() -> Iterator[Callable[[Any], Logged]]:
    """Sets the gateway's logs up in a format, and puts the loggers back as they were."""
    logger, requests = logging.getLogger(ROOT), logging.getLogger(f"{ROOT}.request")
    former = (logger.handlers[:], logger.level, logger.propagate)

    def set_up(log_format: Any) -> Logged:
        stream = io.StringIO()
        return Logged(set_up_logs(log_format, stream), stream)

    yield set_up
    logger.handlers[:], logger.level, logger.propagate = former
    requests.setLevel(logging.NOTSET)


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
    """Alerts, expired reservations and the ledger's writes have counters."""
    made = metrics()
    made.alert_fired(100_000_000)
    made.alert_delivery("delivered")
    made.reservation_expired()
    made.ledger_written(3)
    made.ledger_failed()
    got = scraped(made)
    assert [
        got["pulumi_groq_alerts_total[]"],
        got["pulumi_groq_alert_deliveries_total[('outcome', 'delivered')]"],
        got["pulumi_groq_expired_reservations_total[]"],
        got["pulumi_groq_ledger_rows_total[]"],
        got["pulumi_groq_ledger_failures_total[]"],
    ] == [1, 1, 1, 3, 1]


def test_labels_are_bounded(bench: Callable[..., Any], metrics: Callable[..., GatewayMetrics]) -> None:
    """Whatever callers send, the label values are the gateway's own words and a key's own models."""
    made, counted = bench(), metrics()
    for number in range(30):
        made.post("chat/completions", json.dumps({"model": f"model-{number}", "messages": []}).encode())
        made.request(f"M{number}", f"/openai/v1/path-{number}")
        made.post("batches", b"", {"authorization": f"Bearer {number}"})
    for record in made.records:
        counted.observe(record)
    series = [
        name
        for name, value in scraped(counted).items()
        if value and name.startswith(("pulumi_groq_requests", "pulumi_groq_denials"))
    ]
    assert len(series) == 6


async def test_metrics_are_served(metrics: Callable[..., GatewayMetrics]) -> None:
    """The scrape answers in Prometheus's text form."""
    made = metrics()
    made.observe(RECORD)
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    await made({}, receive, send)
    assert sent[0]["status"] == 200
    assert b"# TYPE pulumi_groq_requests_total counter" in sent[1]["body"]


def test_a_json_line(logged: Callable[[Any], Logged]) -> None:
    """In json a request is one object a line."""
    log = logged("json")
    log.requests.observe(RECORD)
    line = json.loads(log.stream.getvalue())
    assert TIME.fullmatch(line.pop("time"))
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


def test_a_text_line(logged: Callable[[Any], Logged]) -> None:
    """In text a request is one line of name=value pairs, at warning for a 5xx."""
    log = logged("text")
    log.requests.observe(
        RequestRecord(request_id="req_01abc", method="GET", status=502, reason="upstream_timeout")
    )
    [line] = log.lines
    at, _, rest = line.partition(" ")
    assert TIME.fullmatch(at)
    assert rest == (
        "warning request request_id=req_01abc key_id=- method=GET route=unknown model=- status=502"
        " reason=upstream_timeout tokens=0 cost_micro_usd=0 ms=0.0 upstream_request_id=-"
    )


def test_a_line_tells_when_it_was_written(logged: Callable[[Any], Logged]) -> None:
    """In UTC, by the millisecond, from one second to another."""
    log = logged("text")
    before = datetime.now(UTC)
    log.requests.observe(RECORD)
    logging.getLogger(f"{ROOT}.x").info("now")
    after = datetime.now(UTC)
    for line in log.lines:
        at = datetime.fromisoformat(line.partition(" ")[0])
        assert before - timedelta(milliseconds=1) < at <= after
    formatter = LineFormatter("text")
    record = logging.makeLogRecord({"msg": "m", "levelno": logging.INFO})
    told = []
    for record.created in (1_795_000_000.25, 1_795_000_000.75, 1_795_000_061.0, 1_795_000_000.25):
        told.append(formatter.format(record))
    assert told == [
        "2026-11-18T11:06:40.250+00:00 info m",
        "2026-11-18T11:06:40.750+00:00 info m",
        "2026-11-18T11:07:41.000+00:00 info m",
        "2026-11-18T11:06:40.250+00:00 info m",
    ]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_stays_one_line(logged: Callable[[Any], Logged], log_format: str) -> None:
    """Line ends in a message or a field cannot forge a second line."""
    log = logged(log_format)
    logging.getLogger(f"{ROOT}.x").warning("one\r\ntwo")
    log.requests.observe(replace(RECORD, upstream_request_id="one\r\ntwo"))
    assert [r"one\r\ntwo" in line for line in log.lines] == [True, True]


async def test_all_lines_keep_their_order(logged: Callable[[Any], Logged]) -> None:
    """Those of requests and of the rest wait in one batch; a warning takes all with it."""
    log = logged("text")
    other = logging.getLogger(f"{ROOT}.x")
    log.requests.observe(replace(RECORD, route="first"))
    other.info("second")
    log.requests.observe(replace(RECORD, route="third"))
    assert log.lines == []
    log.requests.observe(replace(RECORD, route="fourth", status=500))
    answer = log.lines

    words = [{"first", "second", "third", "fourth"} & set(re.findall(r"\w+", line)) for line in answer]
    assert words == [{"first"}, {"second"}, {"third"}, {"fourth"}]


def test_lines_of_requests_can_be_turned_off(logged: Callable[[Any], Logged]) -> None:
    """By the level of their logger, as with any other."""
    log = logged("text")
    logging.getLogger(f"{ROOT}.request").setLevel(logging.WARNING)
    log.requests.observe(RECORD)
    log.requests.observe(replace(RECORD, status=503))
    assert [" status=503 " in line for line in log.lines] == [True]


def test_no_secret_is_logged_or_counted(
    bench: Callable[..., Any], logged: Callable[[Any], Logged], metrics: Callable[..., GatewayMetrics]
) -> None:
    """Keys, prompts, answers and key names appear in no log line, metric or error body."""
    log, counted, made = logged("json"), metrics(), bench()
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
        log.requests.observe(record)
        counted.observe(record)
    told = log.stream.getvalue() + str(scraped(counted)) + b"".join(bodies[1:]).decode()
    assert KEY not in told
    assert PROMPT not in told
    assert "chatbot" not in told
