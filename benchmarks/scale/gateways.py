"""Real gateways on one PostgreSQL: what a request costs there, and how exactly they hold one cap.

    python benchmarks/scale/gateways.py [--gateways N ...] [--requests N] [--clients N] [--json]

For each number of gateways: clients with open connections ask all of them in turn, first far below the cap
(time of a request at the client, CPU of the gateways), then until every one refuses. In the same run a
gateway on SQLite is asked alike. PostgreSQL is the run's own; the upstream is the built-in echo.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

import httpx

from gateway_process import Server, start_gateway
from postgresql_server import PostgresqlServer

MODEL = "openai/gpt-oss-20b"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 50}
FAR_AWAY_USD = 1_000


class Figures(NamedTuple):
    store: str
    gateways: int
    p50_ms: float
    p99_ms: float
    cpu_us: float
    bank_calls: float
    cap_micro_usd: int
    spent_micro_usd: int
    overspend_percent: float
    left_micro_usd: int


class Run:
    """Some gateways that share a store, and a key."""

    def __init__(self, folder: Path, gateways: int, store_url: str | None) -> None:
        self.servers = []
        for number in range(gateways):
            own = folder / str(number)
            own.mkdir()
            options = [] if store_url is None else [f"--data-dir={own}/data"]
            self.servers.append(start_gateway(own, *options, store_url=store_url))
        self.cap(FAR_AWAY_USD)
        body = {"name": "bench", "allowed_models": [MODEL]}
        for limit in ("requests_per_minute", "tokens_per_minute"):
            body[limit] = "unlimited"
        with self.servers[0].client() as client:
            self.key = client.post("/api-keys", json=body).json()["api_key"]
        for server in self.servers:
            while self.chat(server, None)[0] != 200:
                time.sleep(0.05)

    def cap(self, usd: float) -> None:
        with self.servers[0].client() as client:
            client.put("/spend-policy", json={"monthly_cap_usd": usd}).raise_for_status()

    def chat(self, server: Server, client: httpx.Client | None) -> tuple[int, float]:
        began = time.perf_counter()
        answer = (client or httpx).post(
            f"{server.url}/openai/v1/chat/completions",
            json=CHAT,
            headers={"authorization": f"Bearer {self.key}"},
            timeout=60,
        )
        return answer.status_code, time.perf_counter() - began

    def measured(self, requests: int) -> list[float]:
        """Seconds of each request, one after the other, at each gateway in turn."""
        with httpx.Client(trust_env=False) as client:
            for server in self.servers:
                self.chat(server, client)
            return [
                self.chat(self.servers[number % len(self.servers)], client)[1] for number in range(requests)
            ]

    def spend_to_the_end(self, clients: int) -> None:
        def spend(number: int) -> None:
            refused = 0
            with httpx.Client(trust_env=False) as client:
                while refused < 3:
                    status, _ = self.chat(self.servers[number % len(self.servers)], client)
                    refused += status != 200

        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(spend, range(clients)))

    def spent_micro_usd(self) -> int:
        """As the first gateway tells it, once all have written."""
        time.sleep(1)
        with self.servers[0].client() as client:
            status = client.get("/spend-policy").json()["status"]
        return round(status["spent_usd"] * 1_000_000)

    def cpu_s(self) -> float:
        return sum(_cpu_s(server.process.pid) for server in self.servers)

    def bank_calls(self) -> float:
        return sum(_metric(server, "pulumi_groq_bank_calls_total") for server in self.servers)

    def close(self) -> None:
        for server in self.servers:
            server.stop()
            server.clear_away()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _metric(server: Server, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    values = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(values[0]) if values else 0.0


def run(gateways: int, store_url: str | None, requests: int, clients: int, room: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        fleet = Run(Path(folder), gateways, store_url)
        try:
            before_s, calls = fleet.cpu_s(), fleet.bank_calls()
            seconds = fleet.measured(requests)
            cpu_us = (fleet.cpu_s() - before_s) / requests * 1_000_000
            calls = (fleet.bank_calls() - calls) / requests
            cap = fleet.spent_micro_usd() + room
            fleet.cap(cap / 1_000_000)
            fleet.spend_to_the_end(clients)
            spent = fleet.spent_micro_usd()
        finally:
            fleet.close()
    cuts = quantiles(seconds, n=100)
    return Figures(
        store="SQLite" if store_url is None else "PostgreSQL",
        gateways=gateways,
        p50_ms=round(cuts[49] * 1_000, 3),
        p99_ms=round(cuts[98] * 1_000, 3),
        cpu_us=round(cpu_us),
        bank_calls=round(calls, 4),
        cap_micro_usd=cap,
        spent_micro_usd=spent,
        overspend_percent=round(max(0, spent - cap) / cap * 100, 4),
        left_micro_usd=cap - spent,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gateways", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--requests", type=int, default=2_000, help="far below the cap (2000)")
    parser.add_argument("--clients", type=int, default=16, help="at the cap, at once (16)")
    parser.add_argument("--room", type=int, default=3_000, help="micro-dollars left at the cap (3000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    os.environ["GROQ_GATEWAY_SECRET"] = "secret-of-the-benchmark-" * 2
    server = PostgresqlServer()
    try:
        runs: list[tuple[int, str | None]] = [
            (1, None),
            *((n, server.new_database()) for n in options.gateways),
        ]
        figures = [run(n, url, options.requests, options.clients, options.room) for n, url in runs]
    finally:
        server.close()
    if options.json:
        sys.stdout.write(json.dumps([each._asdict() for each in figures], indent=2) + "\n")
        return
    for each in figures:
        sys.stdout.write("  ".join(f"{name}={value}" for name, value in each._asdict().items()) + "\n")


if __name__ == "__main__":
    main()
