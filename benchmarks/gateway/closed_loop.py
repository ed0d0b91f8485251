"""Closed-loop cases: each connection sends its next request when it has the last answer."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from servers import HERE, LOAD_CORE, Server

ROUND_S = 300
QUICK = ("mock", "bare proxy", "floor", "pulumi-groq")


@dataclass(frozen=True)
class Case:
    """What is sent, and by how many connections at once."""

    title: str
    form: str
    connections: int
    paced: bool = False


CASES = (
    Case("JSON, 1 connection", "json", 1),
    Case("JSON, 32 connections", "json", 32),
    Case("stream of 40 chunks at once, 1 connection", "stream", 1),
    Case("stream of 40 chunks at once, 32 connections", "stream", 32),
)
PACED = Case("paced stream (64 chunks, 20 ms apart), 32 connections", "stream", 32, paced=True)


@dataclass(frozen=True)
class Figures:
    """One round of one server, or the medians of several; microseconds."""

    cpu: float
    p50: float
    p99: float
    first_p50: float
    first_p99: float
    gap_p50: float
    gap_p99: float
    per_s: float


class FailedRequestsError(Exception):
    """A server did not answer every request with 200."""


def measure(server: Server, requests: int, case: Case) -> Figures:
    """One round. Raises `FailedRequestsError`."""
    before = server.cpu_s()
    command = ["taskset", "-c", LOAD_CORE, sys.executable, str(HERE / "load.py"), server.url, server.key]
    command += [str(requests), str(case.connections), case.form, *server.headers]
    try:
        done = subprocess.run(command, check=True, capture_output=True, timeout=ROUND_S)
    except subprocess.SubprocessError as failure:
        raise FailedRequestsError(f"the load on {server.name} did not end well") from failure
    got = json.loads(done.stdout)
    if got["errors"] or got["requests"] != requests:
        answered = got["requests"] - got["errors"]
        raise FailedRequestsError(f"answered {answered} of {requests} requests")
    return Figures(
        cpu=(server.cpu_s() - before) * 1e6 / requests,
        p50=got["latency_us"]["p50"],
        p99=got["latency_us"]["p99"],
        first_p50=got["first_us"]["p50"],
        first_p99=got["first_us"]["p99"],
        gap_p50=got["gap_us"]["p50"],
        gap_p99=got["gap_us"]["p99"],
        per_s=requests / got["seconds"],
    )


def requests_of(server: Server, requests: int, case: Case) -> int:
    """Fewer for a peer, which takes ten times as long for each; paced, two streams a connection."""
    if case.paced:
        return 2 * case.connections
    return requests if server.name in QUICK else max(150, requests // 5)


def rounds_of(case: Case, made: list[Server], rounds: int, requests: int) -> dict[str, list[Figures] | str]:
    """Interleaved rounds by server, after a round to warm up; of a server that fails, why."""
    taken: dict[str, list[Figures] | str] = {server.name: [] for server in made}
    for number in range(rounds + 1):
        for server in made:
            figures = taken[server.name]
            if isinstance(figures, str):
                continue
            try:
                measured = measure(server, requests_of(server, requests, case), case)
            except FailedRequestsError as failure:
                taken[server.name] = str(failure)
            else:
                if number:
                    figures.append(measured)
    return taken


def table(case: Case, made: list[Server], rounds: int, requests: int) -> Iterator[str]:
    """Medians of the rounds: CPU against the floor, latency against the mock, which is `made[0]`."""
    taken = rounds_of(case, made, rounds, requests)
    medians = {
        name: figures if isinstance(figures, str) else _medians(figures) for name, figures in taken.items()
    }
    mock, floor = medians[made[0].name], medians["floor"]
    if isinstance(mock, str) or isinstance(floor, str):
        raise SystemExit(f"mock: {mock}; floor: {floor}")
    streams = case.form == "stream"
    yield f"\n### {case.title}\n"
    more = " added first event p50 us | p99 us |" + (" gap p50 ms | p99 ms |" if case.paced else "")
    yield "| server | CPU us a request | of the floor | added p50 us | p99 us | req/s |" + more * streams
    yield "|---|---:|---:|---:|---:|---:|" + "---:|" * (streams * 2 + case.paced * 2)
    for name, figures in medians.items():
        if isinstance(figures, str):
            yield f"| {name} | failed: {figures} |" + " |" * (4 + streams * 2 + case.paced * 2)
        else:
            yield _row(name, figures, mock, floor, case)


def _row(name: str, figures: Figures, mock: Figures, floor: Figures, case: Case) -> str:
    cells = [
        name,
        f"{figures.cpu:.0f}",
        f"{figures.cpu / floor.cpu:.2f}",
        f"{figures.p50 - mock.p50:.0f}",
        f"{figures.p99 - mock.p99:.0f}",
        f"{figures.per_s:.0f}",
    ]
    if case.form == "stream":
        cells += [f"{figures.first_p50 - mock.first_p50:.0f}", f"{figures.first_p99 - mock.first_p99:.0f}"]
    if case.paced:
        cells += [f"{figures.gap_p50 / 1000:.2f}", f"{figures.gap_p99 / 1000:.2f}"]
    return f"| {' | '.join(cells)} |"


def _medians(rounds: list[Figures]) -> Figures:
    columns = zip(*(vars(figures).values() for figures in rounds), strict=True)
    return Figures(*(statistics.median(column) for column in columns))
