"""Measures the gateway beside floors and peers, in interleaved rounds of one run.

    python benchmarks/gateway/run.py [--with portkey --with litellm] [--rounds 5] [--requests 2000]

Each server runs on core 0, the mock upstream and the load on core 1. The primary figure is the CPU time of
the server and its children for one request, which neighbours disturb least; ratios are of one run only.
Comparators are installed into a temporary folder, at pinned versions, and run without budgets or limits;
the gateway runs with all of its own on. Quiet the machine first: the load average is printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import servers
from servers import HERE, LOAD_CORE, Server

CASES = (("json", 1), ("json", 32), ("stream", 1), ("stream", 32))
ROUND_S = 300
EXTRA = {"portkey": servers.portkey, "litellm": servers.litellm}


@dataclass
class Figures:
    """One round of one server."""

    cpu_us: float
    p50_us: float
    p99_us: float
    first_us: float
    per_s: float


def measure(server: Server, requests: int, connections: int, form: str) -> Figures:
    """One round; raises SystemExit when a request failed."""
    before = server.cpu_s()
    command = ["taskset", "-c", LOAD_CORE, sys.executable, str(HERE / "load.py")]
    command += [server.url, server.key, str(requests), str(connections), form, *server.headers]
    got = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=ROUND_S).stdout)
    if got["errors"]:
        raise SystemExit(f"{server.name}: {got['errors']} of {requests} requests failed")
    return Figures(
        cpu_us=(server.cpu_s() - before) * 1e6 / requests,
        p50_us=got["latency_us"]["p50"],
        p99_us=got["latency_us"]["p99"],
        first_us=got["first_byte_us"]["p50"],
        per_s=requests / got["seconds"],
    )


def rows(form: str, connections: int, running: list[Server], rounds: int, requests: int) -> Iterator[str]:
    """The table of one case: medians of the rounds, added latency against the mock, CPU against the floor."""
    taken: dict[str, list[Figures]] = {server.name: [] for server in running}
    for server in running:
        measure(server, max(200, connections * 10), connections, form)
    for _ in range(rounds):
        for server in running:
            taken[server.name].append(measure(server, requests, connections, form))
    medians = {
        name: Figures(
            *(
                statistics.median(column)
                for column in zip(*(vars(each).values() for each in rounds_of), strict=True)
            )
        )
        for name, rounds_of in taken.items()
    }
    mock, floor = medians[running[0].name], medians["floor"]
    yield f"\n### {form}, {connections} connection{'s' * (connections > 1)}\n"
    yield "| server | CPU us a request | of the floor | added p50 us | added p99 us | first byte us | req/s |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for name, figures in medians.items():
        yield (
            f"| {name} | {figures.cpu_us:.0f} | {figures.cpu_us / floor.cpu_us:.2f} "
            f"| {figures.p50_us - mock.p50_us:.0f} | {figures.p99_us - mock.p99_us:.0f} "
            f"| {figures.first_us:.0f} | {figures.per_s:.0f} |"
        )


@contextmanager
def running(folder: Path, extra: list[str]) -> Iterator[list[Server]]:
    """The mock first, then what is in front of it."""
    with ExitStack() as stack:
        mock, port = servers.mock(folder)
        made = [mock]
        stack.callback(mock.stop)
        for make in (servers.bare_proxy, servers.floor, servers.ours, *(EXTRA[name] for name in extra)):
            server = make(folder, port)
            stack.callback(server.stop)
            made.append(server)
        yield made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--with", dest="extra", action="append", choices=sorted(EXTRA), default=[])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000)
    given = parser.parse_args()
    print(f"load average at the start: {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), given.extra) as made:
        for form, connections in CASES:
            for line in rows(form, connections, made, given.rounds, given.requests):
                print(line, flush=True)
        print("\n" + "\n".join(f"memory of {server.name}: {server.memory_mib():.0f} MiB" for server in made))
    print(f"load average at the end: {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
