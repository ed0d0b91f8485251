"""Measures the gateway beside floors and peers, in interleaved rounds of one run, and prints Markdown.

    python benchmarks/gateway/run.py [--with portkey --with litellm] [--only closed paced open memory]

Each server runs on core 0, the mock upstream and the load on core 1. The primary figure is the CPU time of
the server and its children for one request, which neighbours disturb least; ratios are of one run only.
Comparators are installed into a temporary folder (or --folder, to keep them), at pinned versions, and run
without keys, budgets or limits; the gateway runs with all of its own on.
"""

import argparse
import os
import platform
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import closed_loop
import memory
import open_loop
import peers
import servers
from servers import NotStartedError, Server

PEERS = {"portkey": peers.portkey, "litellm": peers.litellm}
SECTIONS = ("closed", "paced", "open", "memory")
PAUSE_MS = 20


def conditions() -> str:
    """Machine, load and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    cpu = next(names, platform.machine())
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "httptools"))
    packages += f", {peers.AIOHTTP.replace('==', ' ')}"
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores of {cpu}; "
        f"Python {platform.python_version()}, {packages}; load average {_load()}"
    )


def _load() -> str:
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def started(
    stack: ExitStack, folder: Path, extra: list[str], pause_ms: int = 0
) -> tuple[list[Server], list[str]]:
    """The mock first, then what is in front of it; and a line for each peer that could not be started."""
    mock, port = servers.mock(folder, pause_ms)
    stack.callback(mock.stop)
    made, failures = [mock], []
    for make in (servers.bare_proxy, peers.floor, servers.ours, *(PEERS[name] for name in extra)):
        try:
            server = make(folder, port)
        except NotStartedError as failure:
            failures.append(f"\nNot measured: {failure}")
        else:
            stack.callback(server.stop)
            made.append(server)
    return made, failures


def report(given: argparse.Namespace, folder: Path) -> Iterator[str]:
    """All lines of the chosen sections."""
    yield conditions()
    with ExitStack() as stack:
        made, failures = started(stack, folder, given.peers)
        yield from failures
        if "closed" in given.only:
            for case in closed_loop.CASES:
                yield from closed_loop.table(case, made, given.rounds, given.requests)
            sizes = ", ".join(f"{server.name} {server.memory_mib():.0f}" for server in made)
            yield f"\nResident MiB after these: {sizes}."
        if "open" in given.only:
            program = open_loop.vegeta(folder)
            yield from (
                open_loop.table(program, made, given.seconds)
                if program
                else ["\nNo fixed-rate run: neither vegeta nor go is on PATH."]
            )
    if "paced" in given.only:
        with ExitStack() as stack:
            made, _ = started(stack, folder, given.peers, PAUSE_MS)
            yield from closed_loop.table(closed_loop.PACED, made, given.rounds, given.requests)
    if "memory" in given.only:
        with ExitStack() as stack, tempfile.TemporaryDirectory() as stores:
            mock, port = servers.mock(folder)
            stack.callback(mock.stop)
            yield from memory.table(Path(stores), port)
    yield f"\nLoad average at the end: {_load()}."


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--with", dest="peers", action="append", choices=sorted(PEERS), default=[])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000, help="in each round; peers get a fifth")
    parser.add_argument("--seconds", type=int, default=10, help="for each fixed rate")
    parser.add_argument("--folder", type=Path, help="where comparators are installed, and found again")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for line in report(given, folder.resolve()):
                print(line, flush=True)
        except (NotStartedError, subprocess.SubprocessError) as failure:
            raise SystemExit(f"the benchmark ended: {failure}") from failure


if __name__ == "__main__":
    main()
