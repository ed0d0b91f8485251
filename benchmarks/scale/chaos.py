"""Replicas that spend one cap on a real PostgreSQL while they are killed, restarted and stopped.

    python benchmarks/scale/chaos.py [--replicas N ...] [--cap MICRO_USD] [--kills N] [--json]

Each replica is a process with 16 clients that never wait; it keeps a journal, as the gateway does, and
books it after a restart. Again and again one is killed (SIGKILL) and started anew, or stopped (SIGSTOP) for
a second. At the end all journals are booked, and the sums must agree to the micro-dollar: else it exits
with 1. The PostgreSQL server is the run's own. No gateway is in between: what is tried is the money.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

from sqlalchemy import func, select

import spending_replica
from postgresql_server import PostgresqlServer
from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.schema import ledger, metadata
from spending_replica import CAP, LARGEST_COST, TABLES, engine_on, journalled, new_rows


class Figures(NamedTuple):
    replicas: int
    kills: int
    stops: int
    requests: int
    cap_micro_usd: int
    spent_micro_usd: int
    booked_micro_usd: int
    settled_micro_usd: int
    outstanding_micro_usd: int
    left_micro_usd: int
    seconds: float

    @property
    def is_right(self) -> bool:
        """Nothing overspent, all sums equal, and less left than the largest request."""
        sums = {self.spent_micro_usd, self.booked_micro_usd, self.settled_micro_usd}
        return len(sums) == 1 and not self.outstanding_micro_usd and 0 <= self.left_micro_usd < LARGEST_COST


class Fleet:
    def __init__(self, url: str, folder: Path, replicas: int) -> None:
        self._url = url
        self._folder = folder
        self.names = [f"replica-{number}" for number in range(replicas)]
        self.processes = {name: self._started(name, seed) for seed, name in enumerate(self.names)}

    def _started(self, name: str, seed: int) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            spending_replica.__file__,
            self._url,
            name,
            str(self._folder / name),
            str(seed),
        ]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        process.stdin.write("\n")  # type: ignore[union-attr]
        return process

    def kill_and_start(self, name: str, seed: int) -> None:
        self.processes[name].kill()
        self.processes[name].communicate()
        self.processes[name] = self._started(name, seed)

    def stop_for_a_second(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGSTOP)
        time.sleep(1)
        self.processes[name].send_signal(signal.SIGCONT)

    def spend_to_the_end(self) -> None:
        for name, process in self.processes.items():
            if not any(line.startswith("refused") for line in process.stdout or ()):
                raise RuntimeError(f"{name} ended before it was refused")
        for process in self.processes.values():
            process.communicate("\n")


def run(server: PostgresqlServer, folder: Path, replicas: int, cap: int, kills: int) -> Figures:
    url = server.new_database()
    engine = engine_on(url)
    metadata.create_all(engine, tables=TABLES)
    with engine.begin() as connection:
        bank.set_limit(connection, CAP, cap)
    random = Random(replicas)  # noqa: S311 (no secret)
    began = time.monotonic()
    fleet = Fleet(url, folder, replicas)
    stops = 0
    for number in range(kills):
        time.sleep(random.uniform(1, 3))
        fleet.kill_and_start(random.choice(fleet.names), 1_000 + number)
        if number % 2:
            stops += 1
            fleet.stop_for_a_second(random.choice(fleet.names))
    fleet.spend_to_the_end()
    seconds = time.monotonic() - began
    rows = {name: list(journalled(folder / name)) for name in fleet.names}
    with engine.begin() as connection:
        for name in fleet.names:
            for holder in bank.open_epochs(connection, name):
                bank.close(connection, holder, new_rows(connection, rows[name]))
        standing = bank.standing(connection, CAP)
        booked = connection.scalar(select(func.sum(ledger.c.cost_micro_usd)))
    engine.dispose()
    spent = sum(row.cost for each in rows.values() for row in each)
    return Figures(
        replicas=replicas,
        kills=kills,
        stops=stops,
        requests=sum(len(each) for each in rows.values()),
        cap_micro_usd=cap,
        spent_micro_usd=spent,
        booked_micro_usd=int(booked or 0),
        settled_micro_usd=standing.settled,
        outstanding_micro_usd=standing.outstanding,
        left_micro_usd=cap - spent,
        seconds=round(seconds, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--replicas", type=int, nargs="+", default=[3, 8], help="how many, one run each (3 8)"
    )
    parser.add_argument("--cap", type=int, default=2_000_000, help="in micro-dollars (2000000)")
    parser.add_argument("--kills", type=int, default=6, help="in each run (6)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    server = PostgresqlServer()
    figures = []
    try:
        for replicas in options.replicas:
            with tempfile.TemporaryDirectory() as folder:
                figures.append(run(server, Path(folder), replicas, options.cap, options.kills))
    finally:
        server.close()
    if options.json:
        print(json.dumps([each._asdict() for each in figures], indent=2))
    else:
        print("replicas  kills  stops  requests  overspend  left  sums differ  seconds")
        for each in figures:
            differ = abs(each.spent_micro_usd - each.booked_micro_usd)
            differ += abs(each.spent_micro_usd - each.settled_micro_usd)
            print(
                f"{each.replicas:8}  {each.kills:5}  {each.stops:5}  {each.requests:8}  "
                f"{max(0, -each.left_micro_usd):9}  {each.left_micro_usd:4}  {differ:11}  {each.seconds:7}"
            )
    if not all(each.is_right for each in figures):
        sys.exit("the books are wrong: see the figures above")


if __name__ == "__main__":
    main()
