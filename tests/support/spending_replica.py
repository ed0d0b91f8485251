"""A replica that spends by escrow as a process of its own, so that it can be killed.

    python spending_replica.py DATABASE_URL REPLICA JOURNAL SEED

Prints `ready` and waits for a line; prints `spending` once it has spent something and, once the bank has
nothing left for it, `refused` with its calls to the bank a request; then it answers the others' recalls until
it reads another line. The journal has a line for each admission and each settlement, as the gateway's.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from sqlalchemy import Connection, Engine, create_engine, insert, make_url

from pulumi_groq.gateway.counters.escrow import EscrowCounters, EscrowCounterSet
from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.bank_service import PostgresqlBank
from pulumi_groq.gateway.store.ledger import LedgerRecord, known_requests
from pulumi_groq.gateway.store.notifications import Notifications
from pulumi_groq.gateway.store.replicas import enter, replicas, seen
from pulumi_groq.gateway.store.schema import bank_accounts, bank_grants, bank_members, ledger
from pulumi_groq.policy.escrow import Holder, Spent
from pulumi_groq.policy.limits import Demand, Quota

CAP = "spend:2026-11:organisation"
CLIENTS = 16
LARGEST_COST = 60
ROWS_OF_ONE_WRITE = 20


TABLES = [bank_accounts, bank_grants, bank_members, ledger, replicas]


def engine_on(url: str) -> Engine:
    """An engine of psycopg on a `postgresql://` URL."""
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), pool_size=8)


def joined(connection: Connection, name: str) -> Holder:
    """A new life of a replica that the others hear of."""
    holder = bank.join(connection, name)
    enter(connection, holder, "0", "here")
    return holder


@asynccontextmanager
async def answering(engine: Engine, service: PostgresqlBank, counters: EscrowCounters) -> AsyncIterator[None]:
    """Answers the recalls of others meanwhile."""
    notifications = Notifications(engine)
    service.answer_recalls(notifications, counters.give_back)
    async with notifications.listening():
        yield


def new_rows(connection: Connection, rows: list[Spent]) -> list[Spent]:
    """Those that the ledger does not hold yet; it does from here on."""
    known = known_requests(connection, [row.request_id for row in rows])
    new = [row for row in rows if row.request_id not in known]
    if new:
        values = [
            LedgerRecord(
                row.request_id, "k", "l", None, "m", "settled", 200, 0, 0, 0, row.cost, 0, 0
            )._asdict()
            for row in new
        ]
        connection.execute(insert(ledger), values)
    return new


def journalled(path: Path) -> Iterator[Spent]:
    """What a journal says was spent; what was in flight costs what it reserved."""
    costs: dict[str, int] = {}
    for line in path.read_text().splitlines():
        request_id, cost = line.split()
        costs[request_id] = int(cost)
    return (Spent(request_id, (CAP,), cost) for request_id, cost in costs.items())


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class SpendingReplica:
    """Some clients at once, each of which goes on until it is refused."""

    def __init__(self, engine: Engine, holder: Holder, journal: Path, random: Random) -> None:
        self._engine = engine
        self._holder = holder
        self._random = random
        self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._settled: list[Spent] = []
        self._begun = 0
        self._count = 0
        self.bank = PostgresqlBank(engine, holder, recall_wait_s=2.0)
        self.counters = EscrowCounters(holder, self.bank)

    async def spend(self, of_cap: EscrowCounterSet) -> None:
        """One client."""
        while True:
            held = self._random.randint(1, LARGEST_COST)
            demand = Demand("m", 1, held)
            self._begun += 1
            request_id = f"{self._holder.replica}.{self._holder.epoch}.{self._begun}"
            if (await of_cap.take(demand, 0.0, request_id, 60.0)).refused is not None:
                return
            self._count += 1
            os.write(self._journal, b"%s %d\n" % (request_id.encode(), held))
            if self._count == 1:
                say("spending")
            await asyncio.sleep(0)
            cost = self._random.randint(1, held)
            os.write(self._journal, b"%s %d\n" % (request_id.encode(), cost))
            await of_cap.settle(demand, request_id, tokens=1, cost_micro_usd=cost, now_s=0.0)
            self._settled.append(Spent(request_id, (CAP,), cost))
            if len(self._settled) >= ROWS_OF_ONE_WRITE:
                await self.write_the_ledger()

    async def write_the_ledger(self) -> None:
        """Rows and what they settle, in one transaction."""
        rows, self._settled = self._settled, []
        taken = await asyncio.to_thread(self._write, rows)
        self.counters.booked([row.request_id for row in rows], taken)

    def _write(self, rows: list[Spent]) -> Mapping[str, int]:
        with self._engine.begin() as connection:
            return bank.book(connection, self._holder, new_rows(connection, rows))

    async def run(self) -> None:
        """All clients until the bank has nothing left; then only the others' recalls are answered."""
        of_cap = self.counters.counter_set([Quota("cap", CAP, "micro_usd", None, None)], 0.0)
        async with answering(self._engine, self.bank, self.counters):
            presence = asyncio.create_task(self.stay_present())
            say("ready")
            await asyncio.to_thread(sys.stdin.readline)
            await asyncio.gather(*(self.spend(of_cap) for _ in range(CLIENTS)))
            await self.write_the_ledger()
            say(f"refused {self.counters.calls / max(1, self._count):.4f}")
            await asyncio.to_thread(sys.stdin.readline)
            presence.cancel()

    async def stay_present(self) -> None:
        """Let the others see that it lives, each second."""
        while True:
            await asyncio.to_thread(self._be_seen)
            await asyncio.sleep(1)

    def _be_seen(self) -> None:
        with self._engine.begin() as connection:
            seen(connection, self._holder)


def main() -> None:
    url, replica, journal, seed = sys.argv[1:]
    engine = engine_on(url)
    with engine.begin() as connection:
        holder = joined(connection, replica)
        # What a former life has spent is booked first, and the rest of what it held given back.
        former = [each for each in bank.open_epochs(connection, replica) if each != holder]
        for each in former:
            bank.close(connection, each, new_rows(connection, list(journalled(Path(journal)))))
    random = Random(seed)  # noqa: S311 (no secret)
    asyncio.run(SpendingReplica(engine, holder, Path(journal), random).run())


if __name__ == "__main__":
    main()
