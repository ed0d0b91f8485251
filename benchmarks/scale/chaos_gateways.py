"""Real gateways on one PostgreSQL and one Redis under load, while all of them are killed and stopped.

    python benchmarks/scale/chaos_gateways.py [--gateways N ...] [--seconds S] [--seed N]
        [--revoked-within S] [--json]

Clients call the gateways in turn and note what they were answered. Meanwhile, one thing after the other:
a gateway is killed (SIGKILL) and started again, or stopped (SIGSTOP) for some seconds; PostgreSQL or Redis is
ended at once and started again; one gateway is cut off from either (its ports are closed), or what it sends
there or hears from there is held back for some seconds; a key is deleted. At the end every gateway is started
again and stopped, so that all journals are booked. Then must be true, else it exits with 1:

- the ledger holds every request that a client was answered 200, and at most what clients had sent besides;
- nothing was spent above the cap, nothing is out, and the accounts agree with the ledger to the micro-dollar;
- a key that was deleted was refused by every gateway from a second later on, or so much as is said (every
  one reached PostgreSQL when it was), and is at the end; no other key ever was;
- the alert was written down once, and no gateway logged a traceback.

The servers are the run's own.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

import httpx

from cut_wire import Wire, Wires, wires
from gateway_process import Server, start_gateway
from postgresql_server import PostgresqlServer
from redis_server import RedisServer

MODEL = "openai/gpt-oss-20b"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 50}
CAP_USD = 0.002
ALERT_USD = 0.0005
CLIENTS_OF_ONE = 2
DOWN_S = 2.0
REQUESTS_A_SECOND = 60
"""Of all clients: the machine has to start gateways meanwhile."""
READY_WITHIN_S = 30.0


class Figures(NamedTuple):
    gateways: int
    seconds: float
    events: dict[str, int]
    answers: dict[str, int]
    in_the_ledger: int
    answered: int
    sent: int
    cap_micro_usd: int
    spent_micro_usd: int
    settled_micro_usd: int
    outstanding_micro_usd: int
    served_after_deletion: int
    alive_at_the_end: int
    refused_while_good: int
    alerts: int
    tracebacks: int

    @property
    def is_right(self) -> bool:
        """See the module."""
        return (
            self.answered <= self.in_the_ledger <= self.sent
            and self.spent_micro_usd == self.settled_micro_usd <= self.cap_micro_usd
            and self.outstanding_micro_usd == 0
            and self.served_after_deletion == 0
            and self.alive_at_the_end == 0
            and self.refused_while_good == 0
            and self.alerts == (self.spent_micro_usd >= round(ALERT_USD * 1_000_000))
            and self.tracebacks == 0
        )


class Fleet:
    """Gateways by number, each with a folder of its own and own wires to PostgreSQL and Redis; `keys` are
    good, `deleted` say since when not; those that are being deleted are `doomed`, too.
    """

    def __init__(self, folder: Path, database: str, postgresql: PostgresqlServer, redis: RedisServer) -> None:
        self.folder = folder
        self._database = database
        self._postgresql = postgresql
        self._redis = redis
        self.to_postgresql: dict[int, Wire] = {}
        self.to_redis: dict[int, Wire] = {}
        self.servers: dict[int, Server] = {}
        self.keys: list[dict[str, Any]] = []
        self.deleted: dict[str, float] = {}
        self.doomed: set[str] = set()

    def begin(self, gateways: int, to: Wires) -> None:
        """Start them, with some keys and a cap."""
        for number in range(gateways):
            (self.folder / str(number)).mkdir()
            self.to_postgresql[number] = to.to(self._postgresql.port)
            self.to_redis[number] = to.to(self._redis.port)
            self.start(number)
        limits = {"requests_per_minute": 1_000_000, "tokens_per_minute": "unlimited"}
        for number in range(4):
            body = {"name": f"chaos-{number}", "allowed_models": [MODEL], **limits}
            self.keys.append(self.admin("POST", "/api-keys", json=body).json())
        policy = {"monthly_cap_usd": CAP_USD, "alert_thresholds_usd": [ALERT_USD]}
        self.admin("PUT", "/spend-policy", json=policy).raise_for_status()

    def clear_away(self) -> None:
        """End whatever still runs."""
        for server in self.servers.values():
            server.clear_away()

    def start(self, number: int) -> None:
        own = self.folder / str(number)
        store = self._postgresql.url(self._database)
        counters = f"redis://127.0.0.1:{self.to_redis[number].port}"
        self.servers[number] = start_gateway(
            own,
            f"--data-dir={own}/data",
            f"--counters={counters}",
            store_url=store.replace(f":{self._postgresql.port}/", f":{self.to_postgresql[number].port}/"),
        )

    def admin(self, method: str, path: str, **more: Any) -> httpx.Response:
        with self.servers[0].client() as client:
            return client.request(method, path, **more)

    def are_ready(self) -> bool:
        """Whether all reach PostgreSQL."""
        return all(
            httpx.get(f"{each.url}/readyz", timeout=30, trust_env=False).status_code == 200
            for each in self.servers.values()
        )

    def alive_after_deletion(self, revoked_within_s: float) -> int:
        """Deleted keys that a gateway still takes, so long after it reached PostgreSQL again."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.are_ready() and time.monotonic() < deadline:
            time.sleep(0.1)
        deadline = time.monotonic() + revoked_within_s
        while (alive := self._alive()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return alive

    def _alive(self) -> int:
        gone = [key["api_key"] for key in self.keys if key["id"] in self.deleted]
        return sum(
            chat(server, value).status_code != 401 for server in self.servers.values() for value in gone
        )

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*/gateway.log"))


def chat(server: Server, value: str) -> httpx.Response:
    """One request with a key."""
    return httpx.post(
        f"{server.url}/openai/v1/chat/completions",
        json=CHAT,
        headers={"authorization": f"Bearer {value}"},
        timeout=30,
        trust_env=False,
    )


class Clients:
    """Threads that call until they are told to end."""

    def __init__(self, fleet: Fleet, seed: int, revoked_within_s: float) -> None:
        self._fleet = fleet
        self._revoked_within_s = revoked_within_s
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.answers: Counter[str] = Counter()
        self.sent = 0
        self.served_after_deletion = 0
        self.refused_while_good = 0
        count = CLIENTS_OF_ONE * len(fleet.servers)
        self._threads = [threading.Thread(target=self._call, args=(Random(seed + n),)) for n in range(count)]  # noqa: S311
        for thread in self._threads:
            thread.start()

    def _call(self, random: Random) -> None:
        while not self._ended.is_set():
            key, server = random.choice(self._fleet.keys), random.choice(list(self._fleet.servers.values()))
            with self._lock:
                self.sent += 1
            began = time.monotonic()
            try:
                told = str(chat(server, key["api_key"]).status_code)
            except httpx.HTTPError as failure:
                told = type(failure).__name__
            self._note(key["id"], told, began)
            time.sleep(len(self._threads) / REQUESTS_A_SECOND)

    def _note(self, key_id: str, told: str, began: float) -> None:
        deleted = self._fleet.deleted.get(key_id)
        with self._lock:
            self.answers[told] += 1
            if told == "200" and deleted is not None and began > deleted + self._revoked_within_s:
                self.served_after_deletion += 1
            if told == "401" and key_id not in self._fleet.doomed:
                self.refused_while_good += 1

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


class Chaos:
    """One event after the other."""

    def __init__(self, fleet: Fleet, postgresql: PostgresqlServer, redis: RedisServer, seed: int) -> None:
        self._fleet = fleet
        self._postgresql = postgresql
        self._redis = redis
        self._random = Random(seed)  # noqa: S311  no secret
        self.events: Counter[str] = Counter()

    def go_on_for(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        steps = [
            self.cut_off_from_postgresql,
            self.kill,
            self.hold_back_from_postgresql,
            self.delete_a_key,
            self.stop,
            self.cut_off_from_redis,
            self.end_postgresql,
            self.kill,
            self.end_redis,
            self.hold_back_from_redis,
        ]
        while time.monotonic() < ends:
            for step in steps:
                if time.monotonic() < ends:
                    step()
                    self.events[step.__name__] += 1
                    time.sleep(self._random.uniform(0.5, 1.5))

    def cut_off_from_postgresql(self) -> None:
        self._cut(self._fleet.to_postgresql)

    def cut_off_from_redis(self) -> None:
        self._cut(self._fleet.to_redis)

    def hold_back_from_postgresql(self) -> None:
        self._hold_back(self._fleet.to_postgresql)

    def hold_back_from_redis(self) -> None:
        self._hold_back(self._fleet.to_redis)

    def _cut(self, among: dict[int, Wire]) -> None:
        wire = self._random.choice(list(among.values()))
        wire.cut()
        time.sleep(DOWN_S)
        wire.mend()

    def _hold_back(self, among: dict[int, Wire]) -> None:
        wire = self._random.choice(list(among.values()))
        wire.stall(self._random.choice(["there", "back"]))
        time.sleep(DOWN_S)
        wire.mend()

    def kill(self) -> None:
        number = self._random.choice(sorted(self._fleet.servers))
        self._fleet.servers[number].clear_away()
        self._fleet.start(number)

    def stop(self) -> None:
        process = self._random.choice(list(self._fleet.servers.values())).process
        process.send_signal(signal.SIGSTOP)
        time.sleep(DOWN_S)
        process.send_signal(signal.SIGCONT)

    def end_postgresql(self) -> None:
        self._postgresql.stop()
        time.sleep(DOWN_S)
        self._postgresql.start()
        time.sleep(DOWN_S)

    def end_redis(self) -> None:
        self._redis.kill()
        time.sleep(DOWN_S)
        self._redis.start()

    def delete_a_key(self) -> None:
        good = [key for key in self._fleet.keys if key["id"] not in self._fleet.deleted]
        while not self._fleet.are_ready():
            time.sleep(0.1)
        if len(good) > 1:
            key_id = good[0]["id"]
            self._fleet.doomed.add(key_id)
            if self._fleet.admin("DELETE", f"/api-keys/{key_id}").status_code == 200:
                self._fleet.deleted[key_id] = time.monotonic()


def run(
    postgresql: PostgresqlServer,
    redis: RedisServer,
    gateways: int,
    *,
    seconds: float,
    seed: int,
    revoked_within_s: float,
) -> Figures:
    database = postgresql.new_database().rsplit("/", 1)[1]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, wires() as to, ExitStack() as at_the_end:
        fleet = Fleet(Path(folder), database, postgresql, redis)
        at_the_end.callback(fleet.clear_away)
        fleet.begin(gateways, to)
        clients = Clients(fleet, seed, revoked_within_s)
        chaos = Chaos(fleet, postgresql, redis, seed)
        try:
            chaos.go_on_for(seconds)
        finally:
            clients.end()
        alive = fleet.alive_after_deletion(revoked_within_s)
        for number, server in list(fleet.servers.items()):
            server.stop()
            server.clear_away()
            fleet.start(number)
        for server in fleet.servers.values():
            server.stop()
        tracebacks = fleet.logs().count("Traceback")
    ((rows, spent),) = postgresql.execute("SELECT count(*), sum(cost_micro_usd) FROM ledger", database)
    ((settled, outstanding),) = postgresql.execute(
        "SELECT settled_micro_usd, outstanding_micro_usd FROM bank_accounts WHERE key LIKE '%organisation'",
        database,
    )
    ((alerts,),) = postgresql.execute("SELECT count(*) FROM alerts_sent", database)
    return Figures(
        gateways=gateways,
        seconds=round(time.monotonic() - began, 1),
        events=dict(chaos.events),
        answers=dict(clients.answers),
        in_the_ledger=int(rows),
        answered=clients.answers["200"],
        sent=clients.sent,
        cap_micro_usd=round(CAP_USD * 1_000_000),
        spent_micro_usd=int(spent),
        settled_micro_usd=int(settled),
        outstanding_micro_usd=int(outstanding),
        served_after_deletion=clients.served_after_deletion,
        alive_at_the_end=alive,
        refused_while_good=clients.refused_while_good,
        alerts=int(alerts),
        tracebacks=tracebacks,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gateways", type=int, nargs="+", default=[3], help="how many, one run each (3)")
    parser.add_argument("--seconds", type=float, default=60, help="of chaos in each run (60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--revoked-within",
        type=float,
        default=1.0,
        metavar="S",
        help="after so long every gateway refuses a deleted key (1)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    os.environ["GROQ_GATEWAY_SECRET"] = "secret-of-the-chaos-" * 2
    postgresql, redis = PostgresqlServer(), RedisServer()
    try:
        figures = [
            run(
                postgresql,
                redis,
                gateways,
                seconds=options.seconds,
                seed=options.seed,
                revoked_within_s=options.revoked_within,
            )
            for gateways in options.gateways
        ]
    finally:
        postgresql.close()
        redis.close()
    told = [each._asdict() | {"is_right": each.is_right} for each in figures]
    if options.json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    else:
        for each in told:
            sys.stdout.write("  ".join(f"{name}={value}" for name, value in each.items()) + "\n")
    sys.exit(0 if all(each.is_right for each in figures) else 1)


if __name__ == "__main__":
    main()
