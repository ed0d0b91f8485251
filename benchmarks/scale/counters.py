"""What a reservation in Redis costs beside the default in memory, in one run.

    python benchmarks/scale/counters.py [requests] [--with-redis-py]

One process, one event loop, a real Redis on loopback, started for it. Each request takes and settles on
four rate limits, over 100 keys. Rounds of all rows are interleaved; the table has their medians. CPU is this
process's: Redis has its own. `--with-redis-py` needs `redis` beside the package and makes the same calls.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from struct import pack

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from counters_on_redis import redis_counters
from pulumi_groq.gateway.counters.memory import MemoryCounters
from pulumi_groq.gateway.counters.protocol import Counters, CounterSet
from pulumi_groq.gateway.counters.redis_script import SCRIPT
from pulumi_groq.policy.access import KeyAccess, Limits
from pulumi_groq.policy.limits import Demand
from pulumi_groq.policy.quotas import rate_quotas
from redis_server import RedisServer

ROUNDS = 7
KEYS = 100
AT_ONCE = 32
LIMITS = Limits(10**9, 10**9, 10**9, 10**9)
DEMAND = Demand("m", 1000, 0)

Request = Callable[[int, str], Awaitable[None]]


def requests_of(counters: Counters, waits_s: list[float]) -> Request:
    """Take and settle; notes how long the take was waited for."""
    sets: list[CounterSet] = []
    for number in range(KEYS):
        name = f"key_{number}"
        key = KeyAccess(name, "k", name, None, frozenset(), LIMITS, None, None, False)
        sets.append(counters.counter_set(rate_quotas(key), time.time()))

    async def request(number: int, name: str) -> None:
        now_s = time.time()
        began_s = time.perf_counter()
        counter_set = sets[number % KEYS]
        await counter_set.take(DEMAND, now_s, name, now_s + 900)
        waits_s.append(time.perf_counter() - began_s)
        await counter_set.settle(DEMAND, name, tokens=300, cost_micro_usd=0, now_s=now_s)

    return request


async def measure(request: Request, count: int, at_once: int, name: str) -> float:
    """CPU seconds a request."""

    async def one_after_the_other(first: int) -> None:
        for number in range(first, count, at_once):
            await request(number, f"{name}-{number}")

    began_s = time.process_time()
    await asyncio.gather(*(one_after_the_other(first) for first in range(at_once)))
    return (time.process_time() - began_s) / count


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


async def run(count: int, with_redis_py: bool) -> None:
    server = RedisServer()
    waits: dict[str, list[float]] = {"memory": [], "redis": [], "redis-py": []}
    cpu: dict[tuple[str, int], list[float]] = {}
    shown: dict[tuple[str, int], list[float]] = {}
    try:
        async with redis_counters(server.url) as rates:
            rows = {
                "memory": requests_of(MemoryCounters(), waits["memory"]),
                "redis": requests_of(rates, waits["redis"]),
            }
            if with_redis_py:
                rows["redis-py"] = redis_py_requests(server.url, waits["redis-py"])
            for round_number in range(ROUNDS + 1):
                for row, request in rows.items():
                    for at_once in (1, AT_ONCE):
                        waits[row].clear()
                        used_s = await measure(request, count, at_once, f"{row}-{round_number}-{at_once}")
                        if round_number:  # the first one warms up
                            cpu.setdefault((row, at_once), []).append(used_s)
                            shown.setdefault((row, at_once), []).extend(waits[row])
        name = "pulumi-groq:{key_0}:tpm:key_0"
        per_bucket = [int(server.call("MEMORY", "USAGE", each)[1:]) for each in (name, name[:-3] + "rpm")]
    finally:
        server.close()
    print(f"{'':10}{'at once':>8}{'take p50 us':>13}{'p99':>9}{'CPU us/request':>16}{'x memory':>10}")
    for (row, at_once), used in cpu.items():
        p50, p99 = (percentile(shown[row, at_once], share) * 1e6 for share in (0.5, 0.99))
        median = statistics.median(used)
        times = median / statistics.median(cpu["memory", at_once])
        print(f"{row:10}{at_once:8}{p50:13.1f}{p99:9.1f}{median * 1e6:16.1f}{times:10.1f}")
    print(f"bytes in Redis: {per_bucket[0]} a bucket of tokens, {per_bucket[1]} one of requests")


def redis_py_requests(url: str, waits_s: list[float]) -> Request:
    """The same calls with redis-py's asyncio client, a connection for each request at once."""
    from redis.asyncio import Redis  # noqa: PLC0415  only on demand

    client = Redis.from_url(url)
    script = client.register_script(SCRIPT)
    quotas = b"".join(pack("<ddd", kind, 1e9, 60) for kind in (1, 1, 0, 0))

    async def request(number: int, name: str) -> None:
        keys = [
            f"py:{{{number % KEYS}}}:{each}{end}"
            for each in ("rpm", "rpd", "tpm", "tpd")
            for end in ("", ":holds")
        ]
        began_s = time.perf_counter()
        await script(keys, [quotas, "take", "", name, 1000, 900, "", ""])
        waits_s.append(time.perf_counter() - began_s)
        await script(keys, [quotas, "settle", "", name, 1000, 300, "", ""])

    return request


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("requests", nargs="?", type=int, default=4000)
    arguments.add_argument("--with-redis-py", action="store_true")
    given = arguments.parse_args()
    uvloop.run(run(given.requests, given.with_redis_py))
