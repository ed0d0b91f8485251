"""kill -9 of a real process: what it acknowledged is in the ledger, and nothing beyond what was in flight."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from pulumi_groq.gateway.metering.journal import Journal
from pulumi_groq.gateway.metering.ledger_writer import LedgerWriter
from pulumi_groq.gateway.metering.recovery import recover
from pulumi_groq.gateway.store.schema import ledger, usage_by_day
from pulumi_groq.gateway.store.store import open_store

CRASH_ME = Path(__file__).with_name("crash_me.py")
RUNS = 3
SETTLED_BEFORE_THE_KILL = 400


def killed_run(database: Path, run: int) -> tuple[dict[str, int], dict[str, int]]:
    """Let a process work, kill it, and give what it said: admitted and settled costs by request."""
    said: dict[str, dict[str, int]] = {"admitted": {}, "settled": {}}
    with subprocess.Popen(
        [sys.executable, str(CRASH_ME), str(database), str(run)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            verb, request_id, cost = line.split()
            said[verb][request_id] = int(cost)
            if len(said["settled"]) == SETTLED_BEFORE_THE_KILL:
                process.kill()
    return said["admitted"], said["settled"]


def test_no_acknowledged_settlement_is_lost(tmp_path: Path) -> None:
    """Over several killed runs: acknowledged <= booked <= acknowledged + what was in flight, to the row."""
    database = tmp_path / "gateway.db"
    admitted: dict[str, int] = {}
    settled: dict[str, int] = {}
    for run in range(RUNS):
        more_admitted, more_settled = killed_run(database, run)
        admitted |= more_admitted
        settled |= more_settled
    store = open_store(f"sqlite:///{database}")
    journal = Journal(tmp_path / "journal")
    recover(LedgerWriter(store, timedelta(days=90)), journal, tmp_path / "journal", datetime.now(UTC))
    journal.close()
    with store.read() as connection:
        booked = {row.request_id: row for row in connection.execute(select(ledger))}
        total = connection.scalar(select(func.sum(usage_by_day.c.cost_micro_usd)))
    store.close()

    assert len(settled) >= RUNS * SETTLED_BEFORE_THE_KILL
    assert {request_id: booked[request_id].cost_micro_usd for request_id in settled} == settled
    in_flight = booked.keys() - settled.keys()
    assert admitted.keys() - settled.keys() <= in_flight
    # Each of the 8 clients may have one more request that was booked and not said to be.
    assert len(in_flight) <= RUNS * 8
    assert all(
        booked[request_id].cost_micro_usd <= admitted.get(request_id, 1000) for request_id in in_flight
    )
    assert total == sum(row.cost_micro_usd for row in booked.values())
