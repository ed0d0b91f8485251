"""Usage of several gateways on one store: whoever looks last knows what all have booked."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_clock import FakeClock
from pulumi_groq.gateway.metering.journal import Admission, LedgerRow, Settlement
from pulumi_groq.gateway.metering.usage import FiredAlerts, UsageInMemory
from pulumi_groq.gateway.metering.usage_refresh import UsageRefresh
from pulumi_groq.gateway.store.ledger import insert_rows
from pulumi_groq.gateway.store.replicas import CapRefusal
from pulumi_groq.gateway.store.store import Store, open_store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 2, 0, 30, tzinfo=UTC)
LINEAGES = {"key_1": "lineage", "key_2": "lineage", "key_3": "alone"}
KEYS = sorted(LINEAGES)
MINUTES_AGO = [0, 10, 60, 24 * 60, 3 * 24 * 60]


class Gateway:
    """What the refresh needs of one."""

    def __init__(self, store: Store) -> None:
        self.usage = UsageInMemory(FiredAlerts([]))
        self.waiting: list[LedgerRow] = []
        self.own: list[LedgerRow] = []
        self.store = store
        self.refusals: list[CapRefusal] = []
        clock = FakeClock()
        clock.now = lambda: NOW  # type: ignore[method-assign]
        ledger: Any = SimpleNamespace(usage=self.usage, set_aside=0)
        self.ledger = ledger
        self.elsewhere: Counter[str] = Counter()
        self.refresh = UsageRefresh(
            store=store,
            ledger=ledger,
            clock=clock,
            seen=0,
            cap_refusals=lambda: self.refusals,
            spent_elsewhere=lambda lineage_id, cost: self.elsewhere.update({lineage_id: cost}),
        )

    def settle(self, row: LedgerRow) -> None:
        self.waiting.append(row)
        self.own.append(row)
        self.usage.used(row.admission.key_id, row.admission.started_s)
        self.usage.add(row)

    def flush(self) -> None:
        rows, self.waiting = self.waiting, []
        with self.store.write() as connection:
            insert_rows(connection, [row.record() for row in rows])

    async def look(self) -> None:
        self.ledger.unwritten = (self.waiting, [])
        await self.refresh()


def row_of(number: int, key_id: str, minutes_ago: int, cost: int) -> LedgerRow:
    started_s = (NOW - timedelta(minutes=minutes_ago)).timestamp()
    admission = Admission(f"r{number}", key_id, LINEAGES[key_id], None, "m", cost, started_s)
    return LedgerRow(admission, Settlement(f"r{number}", "settled", 200, 1, 0, 1, cost, started_s))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["settle", "settle", "flush", "look"]),
        st.integers(0, 1),
        st.sampled_from(KEYS),
        st.sampled_from(MINUTES_AGO),
        st.integers(0, 100),
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(steps=STEPS)
async def test_every_gateway_ends_with_the_sums_of_all(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    """Whatever is settled, written and looked at in which order, days and months ago included."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('usage')}/gateway.db")
    gateways = [Gateway(store), Gateway(store)]
    rows: list[LedgerRow] = []
    for step, which, key_id, minutes_ago, cost in steps:
        gateway = gateways[which]
        if step == "settle":
            rows.append(row_of(len(rows), key_id, minutes_ago, cost))
            gateway.settle(rows[-1])
        elif step == "flush":
            gateway.flush()
        else:
            await gateway.look()
    for gateway in gateways:
        gateway.flush()
    for gateway in gateways:
        await gateway.look()
    today: Counter[str] = Counter()
    today_of_lineages: Counter[str] = Counter()
    month: Counter[str] = Counter()
    for row in rows:
        started = datetime.fromtimestamp(row.admission.started_s, UTC)
        cost = row.settlement.cost_micro_usd
        today[row.admission.key_id] += cost * (started.date() == NOW.date())
        today_of_lineages[row.admission.lineage_id] += cost * (started.date() == NOW.date())
        month[row.admission.key_id] += cost * (started.month == NOW.month)
    store.close()
    for gateway in gateways:
        told = gateway.usage.usage_by_key(NOW)
        assert {key_id: told[key_id].cost_today_micro_usd for key_id in told} == {
            key_id: today[key_id] for key_id in told
        }
        assert set(told) == {row.admission.key_id for row in rows}
        assert gateway.usage.spent_in("2026-11") == month.total()
        own = Counter[str]()
        for row in gateway.own:
            started = datetime.fromtimestamp(row.admission.started_s, UTC)
            own[row.admission.lineage_id] += row.settlement.cost_micro_usd * (started.date() == NOW.date())
        # Late rows of former days count, too: they were spent just now.
        assert gateway.elsewhere >= today_of_lineages - own


async def test_a_cap_that_refused_elsewhere_has_refused(tmp_path: Path) -> None:
    """The policy is shown as paused by every gateway."""
    store = open_store(f"sqlite:///{tmp_path}/gateway.db")
    gateway = Gateway(store)
    assert not gateway.usage.cap_has_refused(NOW, 500)
    gateway.refusals.append(CapRefusal("2026-11", 500))
    await gateway.look()
    store.close()
    assert gateway.usage.cap_has_refused(NOW, 500)
    assert not gateway.usage.cap_has_refused(NOW, 501)
