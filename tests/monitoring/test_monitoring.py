"""The dashboard and the alert rules use only what a gateway's /metrics really holds."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from local_engine import start_gateway
from patience import until
from pulumi_groq.gateway.metrics import GatewayMetrics
from pulumi_groq.models.api_key import ApiKeyCreate
from pulumi_groq.models.spend_policy import SpendPolicySettings

FOLDER = Path(__file__).parents[2] / "monitoring"
METRIC = re.compile(r"\bpulumi_groq_\w+")
SELECTOR = re.compile(r"\b(pulumi_groq_\w+)\{([^}]*)\}")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")
MODEL = "llama-3.1-8b-instant"
WINDOWS = 4
NUMBERS_OF_VALUES = {
    "cap(_hour|_day|_week)?": WINDOWS,
    "(team_|model_)?budget(_hour|_day|_week)?": 3 * WINDOWS,
}
"""How many values of the label a pattern stands for; any other for one."""


@dataclass
class Exposed:
    """Names of samples, and the names of the labels of each."""

    labels: dict[str, set[str]] = field(default_factory=dict)

    def all_labels(self) -> set[str]:
        return set().union(*self.labels.values())


class Webhook(BaseHTTPRequestHandler):
    """Takes every alert."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def webhook_url() -> Iterator[str]:
    """A webhook of this machine."""
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/alerts"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory, webhook_url: str) -> Iterator[Exposed]:
    """What /metrics holds after requests that were served, one that was refused, and an alert."""
    store = tmp_path_factory.mktemp("monitoring") / "gateway.db"
    gateway = start_gateway(store, "--webhook-hosts", "127.0.0.1")
    try:
        with gateway.client() as client:
            policy = {
                "monthly_cap_usd": 5,
                "alert_thresholds_usd": [0.000001],
                "alert_webhook_urls": [webhook_url],
            }
            client.put_spend_policy(SpendPolicySettings.model_validate(policy))
            made = client.create_key(ApiKeyCreate(name="a", allowed_models=[MODEL]), "one").key
        for model in (MODEL, "openai/gpt-oss-20b"):
            call = {"model": model, "messages": [{"role": "user", "content": "hello there"}]}
            headers = {"authorization": f"Bearer {made.api_key}"}
            httpx.post(
                f"{gateway.base_url}/openai/v1/chat/completions", json=call, headers=headers, timeout=60
            )
        yield _exposed(gateway.base_url)
    finally:
        gateway.stop()


def _exposed(base_url: str) -> Exposed:
    def all_metrics() -> str:
        return httpx.get(f"{base_url}/metrics", timeout=60).text

    until(lambda: "alert_deliveries_total{" in all_metrics(), "the alert is delivered", seen=all_metrics)
    found = Exposed()
    for family in text_string_to_metric_families(all_metrics()):
        for sample in family.samples:
            found.labels.setdefault(sample.name, set()).update(sample.labels)
    return found


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    return read


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    """Every query of both files."""
    board = dashboard()
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [*asked, *(rule["expr"] for rule in rules())]


def label_queries() -> list[tuple[str, str]]:
    """Metric and label of the dashboard's variables."""
    asked = [str(each["query"]) for each in dashboard()["templating"]["list"]]
    return [pair for query in asked for pair in LABEL_VALUES.findall(query)]


def test_every_metric_exists(exposed: Exposed) -> None:
    """A renamed metric would leave an empty panel, or an alert that never fires."""
    used = {name for expression in expressions() for name in METRIC.findall(expression)}
    used |= {metric for metric, _ in label_queries()}
    assert len(used) > 12
    assert used - exposed.labels.keys() == set()


def test_every_label_exists_on_its_metric(exposed: Exposed) -> None:
    """In selectors, in groupings, and in the dashboard's variables."""
    astray = []
    for expression in expressions():
        for metric, selector in SELECTOR.findall(expression):
            wanted = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selector))
            astray += [(metric, label) for label in wanted - exposed.labels[metric]]
        grouped = {label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",")}
        of_metrics = set().union(*(exposed.labels[name] for name in METRIC.findall(expression)))
        astray += [(expression, label) for label in grouped - of_metrics]
    astray += [pair for pair in label_queries() if pair[1] not in exposed.labels[pair[0]]]
    assert astray == []


def test_the_first_of_its_kind_is_an_increase() -> None:
    """A series that begins with a count never increases: those of alerts are there before."""
    fresh = list(text_string_to_metric_families(generate_latest(GatewayMetrics().registry).decode()))
    samples = [sample for family in fresh for sample in family.samples]
    looked_for = {
        (metric, label, pattern)
        for rule in rules()
        for metric, selector in SELECTOR.findall(rule["expr"])
        for label, pattern in re.findall(r'(\w+)=~?"([^"]*)"', selector)
        if f"increase({metric}" in rule["expr"]
    }
    found = {
        (metric, label, pattern): {
            sample.labels[label]
            for sample in samples
            if sample.name == metric and re.fullmatch(pattern, sample.labels.get(label, ""))
        }
        for metric, label, pattern in looked_for
    }
    assert {query: len(values) for query, values in found.items()} == {
        query: NUMBERS_OF_VALUES.get(query[2], 1) for query in looked_for
    }


def test_every_metric_of_the_gateway_is_shown(exposed: Exposed) -> None:
    """A new metric finds its panel, or an alert."""
    named = {name for expression in expressions() for name in METRIC.findall(expression)}
    families = {re.sub(r"_(total|created|bucket|count|sum)$", "", name) for name in exposed.labels}
    shown = {re.sub(r"_(total|bucket)$", "", name) for name in named}
    assert {family for family in families if family.startswith("pulumi_groq_")} - shown == set()


def test_legends_name_labels_of_their_query() -> None:
    """`{{model}}` shows nothing unless the query keeps the label."""
    astray = [
        target["legendFormat"]
        for panel in dashboard()["panels"]
        for target in panel["targets"]
        for label in re.findall(r"{{(\w+)}}", target["legendFormat"])
        if label not in " ".join(GROUPED.findall(target["expr"]))
    ]
    assert astray == []


def test_panels_are_told_apart_and_do_not_overlap() -> None:
    """Ids are unique, and no two panels share a place on the grid."""
    panels = dashboard()["panels"]
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert (len(set(places)), max(x for x, _ in places)) == (len(places), 23)


def test_every_alert_says_how_bad_it_is_and_what_it_means() -> None:
    """Names are unique; severity and a summary are there."""
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found)
    assert {rule["labels"]["severity"] for rule in found} <= {"critical", "warning", "info"}
    assert [rule["alert"] for rule in found if not rule["annotations"].get("summary")] == []
