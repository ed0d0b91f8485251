"""Real gateways on one PostgreSQL and one Redis: what a request costs, and how exactly they hold a cap.

    python benchmarks/scale/gateways.py [--gateways N ...] [--requests N] [--clients N] [--many-keys N]

For each number of gateways: clients with open connections ask all of them in turn, first far below the cap
(time of a request at the client, CPU of the gateways, calls of the bank and of Redis), then until every one
refuses. What was refused before the last answer was refused though money was left, or was held by requests
that ran just then, as in one process. In the same run a gateway on SQLite with its counters in memory is
asked alike; and two gateways once more with so many keys, of which `KEYS_IN_USE` are used. The servers are
the run's own; the upstream is the built-in echo.
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
from pulumi_groq.gateway.store.schema import api_keys
from redis_server import RedisServer

MODEL = "openai/gpt-oss-20b"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 50}
FAR_AWAY_USD = 1_000
KEYS_IN_USE = 100
LIMITS = {
    "requests_per_minute": 1_000_000,
    "tokens_per_minute": 1_000_000_000,
    "max_parallel_requests": 1_000,
}
MORE_KEYS = """
    INSERT INTO api_keys ({columns}) SELECT {values} FROM api_keys, generate_series(1, {count}) AS number
    WHERE id = '{key_id}'
"""


class Servers(NamedTuple):
    postgresql: PostgresqlServer
    redis: RedisServer


class Figures(NamedTuple):
    store: str
    gateways: int
    keys: int
    p50_ms: float
    p99_ms: float
    cpu_us: float
    bank_calls: float
    bank_calls_at_the_cap: float
    redis_calls: float
    cap_micro_usd: int
    spent_micro_usd: int
    overspend_percent: float
    left_micro_usd: int
    refused_before_the_end: int


class Run:
    """Some gateways that share a store, and keys; without `shared` servers one on SQLite."""

    def __init__(self, folder: Path, gateways: int, shared: Servers | None, keys: int) -> None:
        self._folder = folder
        self._shared = shared
        self._url = None if shared is None else shared.postgresql.new_database()
        self._numbers = range(gateways)
        for number in self._numbers:
            (folder / str(number)).mkdir()
        self.servers: list[Server] = []
        self._start(1)
        self.cap(FAR_AWAY_USD)
        body = {"name": "bench", "allowed_models": [MODEL], **LIMITS}
        with self.servers[0].client() as client:
            made = client.post("/api-keys", json=body).json()
        self.keys = [made["api_key"]]
        if keys > 1 and shared is not None and self._url is not None:
            self.close()
            self._add_keys(shared.postgresql, self._url.rsplit("/", 1)[1], made["id"], keys - 1)
            self._start(1)
        self._start(gateways)
        for server in self.servers:
            for key in self.keys:
                while self.chat(server, None, key)[0] != 200:
                    time.sleep(0.05)

    def _start(self, gateways: int) -> None:
        for number in self._numbers[len(self.servers) : gateways]:
            own = self._folder / str(number)
            options = [] if self._shared is None else [f"--data-dir={own}/data"]
            if self._shared is not None:
                options.append(f"--counters={self._shared.redis.url}")
            self.servers.append(start_gateway(own, *options, store_url=self._url))

    def _add_keys(self, server: PostgresqlServer, database: str, key_id: str, count: int) -> None:
        """Through the database: the admin API would take minutes."""
        own = {
            "id": "'key_bench' || number",
            "name": "'bench-' || number",
            "lineage_id": "'key_bench' || number",
            "key_hash": "sha256(('gsk_bench' || number)::bytea)",
        }
        names = [column.name for column in api_keys.columns if column.name != "seq"]
        values = [own.get(name, name) for name in names]
        server.execute(
            MORE_KEYS.format(columns=", ".join(names), values=", ".join(values), count=count, key_id=key_id),
            database,
        )
        self.keys += [f"gsk_bench{number}" for number in range(1, KEYS_IN_USE)]

    def cap(self, usd: float) -> None:
        with self.servers[0].client() as client:
            client.put("/spend-policy", json={"monthly_cap_usd": usd}).raise_for_status()

    def chat(self, server: Server, client: httpx.Client | None, key: str) -> tuple[int, float]:
        began = time.perf_counter()
        answer = (client or httpx).post(
            f"{server.url}/openai/v1/chat/completions",
            json=CHAT,
            headers={"authorization": f"Bearer {key}"},
            timeout=60,
        )
        return answer.status_code, time.perf_counter() - began

    def measured(self, requests: int) -> list[float]:
        """Seconds of each request, one after the other, at each gateway in turn."""
        with httpx.Client(trust_env=False) as client:
            for server in self.servers:
                self.chat(server, client, self.keys[0])
            return [
                self.chat(
                    self.servers[number % len(self.servers)], client, self.keys[number % len(self.keys)]
                )[1]
                for number in range(requests)
            ]

    def spend_to_the_end(self, clients: int) -> tuple[int, int]:
        """How many requests that took, and how many were refused before the last one that was answered."""

        def spend(number: int) -> list[tuple[float, int]]:
            told: list[tuple[float, int]] = []
            with httpx.Client(trust_env=False) as client:
                while sum(status != 200 for _, status in told) < 3:
                    status, _ = self.chat(self.servers[number % len(self.servers)], client, self.keys[0])
                    told.append((time.monotonic(), status))
            return told

        with ThreadPoolExecutor(clients) as pool:
            told = sorted(each for of_client in pool.map(spend, range(clients)) for each in of_client)
        last = max(at_s for at_s, status in told if status == 200)
        return len(told), sum(status != 200 for at_s, status in told if at_s < last)

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

    def redis_calls(self) -> int:
        if self._shared is None:
            return 0
        told: str = self._shared.redis.call("INFO", "commandstats")
        lines = [line for line in told.splitlines() if line.startswith("cmdstat_evalsha:")]
        return int(lines[0].partition("calls=")[2].partition(",")[0]) if lines else 0

    def close(self) -> None:
        for server in self.servers:
            server.stop()
            server.clear_away()
        self.servers.clear()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _metric(server: Server, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    values = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(values[0]) if values else 0.0


def run(gateways: int, keys: int, shared: Servers | None, options: argparse.Namespace) -> Figures:
    requests = options.requests
    with tempfile.TemporaryDirectory() as folder:
        fleet = Run(Path(folder), gateways, shared, keys)
        try:
            before_s, calls, redis_calls = fleet.cpu_s(), fleet.bank_calls(), fleet.redis_calls()
            seconds = fleet.measured(requests)
            cpu_us = (fleet.cpu_s() - before_s) / requests * 1_000_000
            calls = (fleet.bank_calls() - calls) / requests
            redis_calls = fleet.redis_calls() - redis_calls
            cap = fleet.spent_micro_usd() + options.room
            fleet.cap(cap / 1_000_000)
            calls_before = fleet.bank_calls()
            asked, refused = fleet.spend_to_the_end(options.clients)
            calls_at_the_cap = (fleet.bank_calls() - calls_before) / asked
            spent = fleet.spent_micro_usd()
        finally:
            fleet.close()
    cuts = quantiles(seconds, n=100)
    return Figures(
        store="SQLite" if shared is None else "PostgreSQL",
        gateways=gateways,
        keys=keys,
        p50_ms=round(cuts[49] * 1_000, 3),
        p99_ms=round(cuts[98] * 1_000, 3),
        cpu_us=round(cpu_us),
        bank_calls=round(calls, 4),
        bank_calls_at_the_cap=round(calls_at_the_cap, 4),
        redis_calls=round(redis_calls / requests, 2),
        cap_micro_usd=cap,
        spent_micro_usd=spent,
        overspend_percent=round(max(0, spent - cap) / cap * 100, 4),
        left_micro_usd=cap - spent,
        refused_before_the_end=refused,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gateways", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--requests", type=int, default=2_000, help="far below the cap (2000)")
    parser.add_argument("--clients", type=int, default=16, help="at the cap, at once (16)")
    parser.add_argument("--room", type=int, default=3_000, help="micro-dollars left at the cap (3000)")
    parser.add_argument("--many-keys", type=int, default=100_000, help="beside 100 (100000); 0: neither")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    os.environ["GROQ_GATEWAY_SECRET"] = "secret-of-the-benchmark-" * 2
    shared = Servers(PostgresqlServer(), RedisServer())
    try:
        figures = [run(1, 1, None, options)]
        figures += [run(number, 1, shared, options) for number in options.gateways]
        if options.many_keys:
            figures += [run(2, keys, shared, options) for keys in (KEYS_IN_USE, options.many_keys)]
    finally:
        shared.postgresql.close()
        shared.redis.close()
    if options.json:
        sys.stdout.write(json.dumps([each._asdict() for each in figures], indent=2) + "\n")
        return
    for each in figures:
        sys.stdout.write("  ".join(f"{name}={value}" for name, value in each._asdict().items()) + "\n")


if __name__ == "__main__":
    main()
