"""Several replicas on one PostgreSQL: recalls, and processes that are killed while they spend."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, func, select

import spending_replica
from postgresql_server import PostgresqlServer
from pulumi_groq.gateway.counters.escrow import EscrowCounters
from pulumi_groq.gateway.store import bank
from pulumi_groq.gateway.store.bank_service import PostgresqlBank
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.schema import ledger, metadata
from pulumi_groq.policy.escrow import Holder
from pulumi_groq.policy.limits import Demand, Quota
from spending_replica import CAP, LARGEST_COST, TABLES, answering, engine_on, joined, journalled, new_rows

pytestmark = pytest.mark.anyio

QUOTAS = [Quota("cap", CAP, "micro_usd", 1_000, None)]
WAIT_S = 60


def prepared(url: str, cap: int) -> Engine:
    engine = engine_on(url)
    metadata.create_all(engine, tables=TABLES)
    with engine.begin() as connection:
        bank.set_limit(connection, CAP, cap)
    return engine


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    """A database with a cap of 1,000 micro-dollars."""
    made = prepared(postgresql_url, 1_000)
    yield made
    made.dispose()


def replica_on(engine: Engine, name: str, wait_s: float = WAIT_S) -> tuple[EscrowCounters, PostgresqlBank]:
    with engine.begin() as connection:
        holder = joined(connection, name)
    service = PostgresqlBank(engine, holder, recall_wait_s=wait_s)
    return EscrowCounters(holder, service), service


async def refused(counters: EscrowCounters, cost: int) -> int | None:
    return (await counters.counter_set(QUOTAS, 0.0).take(Demand("m", 1, cost), 0.0, "r", 60.0)).refused


async def test_idle_grants_come_back_from_every_other_replica(engine: Engine) -> None:
    """Each holds a grant of its own, and yet one of them can spend all that nobody needs."""
    async with AsyncExitStack() as listening:
        replicas = [replica_on(engine, f"replica-{number}") for number in range(3)]
        for counters, service in replicas:
            await listening.enter_async_context(answering(engine, service, counters))
            assert await refused(counters, 1) is None

        assert await refused(replicas[0][0], 997) is None
        assert await refused(replicas[1][0], 1) == 0


@pytest.mark.parametrize("payload", ["", "no JSON", "[]", '{"round": 1}', '{"from": 1, "to": {}}'])
async def test_what_no_gateway_sends_keeps_no_recall_from_being_heard(engine: Engine, payload: str) -> None:
    """Anybody on the database can notify; whoever listens goes on."""
    async with AsyncExitStack() as listening:
        replicas = [replica_on(engine, name) for name in ("a", "b")]
        for counters, service in replicas:
            await listening.enter_async_context(answering(engine, service, counters))
            assert await refused(counters, 1) is None
        with engine.begin() as connection:
            connection.execute(select(func.pg_notify("groq_bank", payload)))

        assert await refused(replicas[0][0], 998) is None


async def test_a_replica_that_does_not_answer_costs_a_bounded_wait(engine: Engine) -> None:
    """What it holds stays out: it may still be spending it."""
    silent, _ = replica_on(engine, "silent")
    assert await refused(silent, 1) is None
    counters, service = replica_on(engine, "asking", wait_s=0.01)
    async with answering(engine, service, counters):
        assert await refused(counters, 800) == 0
    with engine.begin() as connection:
        assert bank.standing(connection, CAP).outstanding >= 250


async def test_a_fenced_replica_gets_nothing_and_keeps_nobody_waiting(engine: Engine) -> None:
    """Forgotten while it lived: its grant was charged, so others need not wait for it."""
    async with AsyncExitStack() as listening:
        replicas = [replica_on(engine, name) for name in ("forgotten", "asking")]
        for counters, service in replicas:
            await listening.enter_async_context(answering(engine, service, counters))
        assert await refused(replicas[0][0], 1) is None
        with engine.begin() as connection:
            assert bank.forget(connection, "forgotten") == {CAP: 125}

        assert await refused(replicas[1][0], 876) == 0
        assert await refused(replicas[1][0], 875) is None


async def test_postgresql_out_and_back(own_postgresql_server: PostgresqlServer) -> None:
    """What is granted goes on, then requests fail closed; recalls are heard again when it is back."""
    engine = prepared(own_postgresql_server.new_database(), 1_000)
    counters, service = replica_on(engine, "a")
    other, other_service = replica_on(engine, "b", wait_s=WAIT_S)
    async with answering(engine, service, counters), answering(engine, other_service, other):
        assert await refused(counters, 10) is None
        own_postgresql_server.stop()
        assert await refused(counters, 100) is None
        with pytest.raises(StoreUnavailableError):
            await refused(counters, 100)
        own_postgresql_server.start()
        while True:  # until the pool has no connection left that was cut
            try:
                assert await refused(counters, 500) is None
            except StoreUnavailableError:
                continue
            break
    engine.dispose()


async def test_no_free_connection_is_an_outage_of_the_store(engine: Engine) -> None:
    """Many threads on a pool that is used up: requests get 503 as in any outage."""
    counters, _ = replica_on(engine, "a")
    small = create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    service = PostgresqlBank(small, counters.wallet.holder)
    with small.connect(), pytest.raises(StoreUnavailableError, match="connections to the store are busy"):
        await service.recall([CAP])
    small.dispose()


async def test_an_outage_is_told_without_host_and_user() -> None:
    """The reason is shown to anybody at `/readyz`."""
    nobody = create_engine("postgresql+psycopg://dbadmin@127.0.0.1:1/groq")
    with pytest.raises(StoreUnavailableError) as raised:
        await PostgresqlBank(nobody, Holder("a", 1)).recall([CAP])
    assert str(raised.value) == "PostgreSQL cannot be reached"


class Process:
    """A `spending_replica` that waits for its go."""

    def __init__(self, url: str, name: str, folder: Path, seed: int) -> None:
        command = [sys.executable, spending_replica.__file__, url, name, str(folder / name), str(seed)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def reads(self, word: str) -> None:
        """Wait until it says so."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.split()[0] == word:
                return
        raise AssertionError(f"it ended without {word}")

    def go_on(self) -> None:
        """Let it begin, or end."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")

    def kill(self) -> None:
        """kill -9; nothing where it is over."""
        self._process.kill()
        self._process.communicate(timeout=WAIT_S)


def test_killed_in_the_midst_of_spending_nothing_is_overspent(postgresql_url: str, tmp_path: Path) -> None:
    """Three processes spend one cap, one is killed and comes back: the books hold what the journals say, and
    what is left is less than the largest request.
    """
    cap = 40_000
    engine = prepared(postgresql_url, cap)
    names = ["replica-0", "replica-1", "replica-2"]
    processes = [Process(postgresql_url, name, tmp_path, seed) for seed, name in enumerate(names)]
    try:
        for process in processes:
            process.reads("ready")
        for process in processes:
            process.go_on()
        processes[0].reads("spending")
        processes[0].kill()
        with engine.begin() as connection:
            held = bank.held_accounts(connection, names[0])
        processes[0] = Process(postgresql_url, names[0], tmp_path, 7)
        processes[0].reads("ready")
        processes[0].go_on()
        for process in processes:
            process.reads("refused")
    finally:
        for process in processes:
            process.kill()
    spent = sum(row.cost for name in names for row in journalled(tmp_path / name))
    with engine.begin() as connection:
        for name in names:
            for holder in bank.open_epochs(connection, name):
                bank.close(connection, holder, new_rows(connection, list(journalled(tmp_path / name))))
        standing = bank.standing(connection, CAP)
        booked = connection.scalar(select(func.sum(ledger.c.cost_micro_usd)))
    engine.dispose()

    assert held == {CAP}
    assert standing == (cap, spent, 0)
    assert booked == spent
    assert cap - LARGEST_COST < spent <= cap
