"""What is kept of spend and of runaways, on each back end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from pulumi_groq.gateway.store.ledger import LedgerRecord, insert_rows
from pulumi_groq.gateway.store.recent_spend import (
    add_spend,
    drop_old_spend,
    read_settled,
    read_usual,
    spend_by_slot,
)
from pulumi_groq.gateway.store.runaways import Runaway, end_pause, insert_runaways, read_runaways
from pulumi_groq.gateway.store.store import Store

NOW = datetime(2026, 11, 26, 9, 35, tzinfo=UTC)
OpenStore = Callable[[], Store]


def row(request_id: str, at: datetime, cost: int, lineage_id: str = "key_1") -> LedgerRecord:
    at_us = round(at.timestamp() * 1e6)
    return LedgerRecord(request_id, "k", lineage_id, None, "m", "settled", 200, 1, 0, 1, cost, at_us, at_us)


def runaway(lineage_id: str, days_ago: int, action: str = "pause_key") -> Runaway:
    at = NOW - timedelta(days=days_ago)
    return Runaway(lineage_id, at, lineage_id, "chat", "ops", action, 5, 3, None, None)  # type: ignore[arg-type]


def test_spend_of_ten_minutes_is_one_sum(open_any: OpenStore) -> None:
    """Also over two writes; other lineages have their own, and what cost nothing leaves no row."""
    store = open_any()
    rows = [row("a", NOW, 5), row("b", NOW + timedelta(minutes=4), 7), row("c", NOW, 0, "key_2")]
    with store.write() as connection:
        add_spend(connection, rows)
        add_spend(connection, [row("d", NOW, 1), row("e", NOW, 9, "key_3")])
    with store.read() as connection:
        found = connection.execute(select(spend_by_slot).order_by(spend_by_slot.c.lineage_id)).all()

    slot = int(NOW.timestamp()) // 600
    assert [tuple(each) for each in found] == [("key_1", slot, 13), ("key_3", slot, 9)]


def test_the_usual_is_read_from_the_last_14_days(open_any: OpenStore) -> None:
    """Of this hour; of all hours where there is nothing at this one; of nobody else."""
    store = open_any()
    days = [NOW - timedelta(days=days) for days in range(1, 21)]
    with store.write() as connection:
        add_spend(connection, [row(f"r{at}", at, 100 if at > days[14] else 9_000) for at in days])
        add_spend(connection, [row("x", NOW - timedelta(days=5, hours=3), 700, "key_2")])
    with store.read() as connection:
        assert read_usual(connection, "key_1", NOW.timestamp()) == 100
        assert read_usual(connection, "key_2", NOW.timestamp()) == 700
        assert read_usual(connection, "key_3", NOW.timestamp()) is None


def test_old_spend_goes_bit_by_bit(open_any: OpenStore) -> None:
    """The oldest ten minutes with each call, until 15 days are left."""
    store = open_any()
    with store.write() as connection:
        add_spend(connection, [row(f"r{days}", NOW - timedelta(days=days), 1) for days in (0, 14, 16, 17)])
        for _ in range(5):
            drop_old_spend(connection, NOW)
    with store.read() as connection:
        assert len(connection.execute(select(spend_by_slot)).all()) == 2


def test_what_was_settled_is_read_without_batches(open_any: OpenStore) -> None:
    """The results of batches have ids of two parts."""
    store = open_any()
    rows = [row("req_1", NOW, 5), row("req_2.0", NOW, 7), row("req_3", NOW - timedelta(hours=1), 9)]
    with store.write() as connection:
        insert_rows(connection, rows)
    with store.read() as connection:
        found = read_settled(connection, ["key_1", "key_9"], NOW - timedelta(minutes=30))

    assert [tuple(each) for each in found] == [("key_1", NOW.timestamp(), 5)]


def test_a_pause_is_kept_until_it_ends(open_any: OpenStore) -> None:
    """However old it is; of what is over, 90 days."""
    store = open_any()
    with store.write() as connection:
        insert_runaways(connection, [runaway("old", 100), runaway("told", 95, "alert"), runaway("over", 95)])
        assert end_pause(connection, "over", NOW)
        assert not end_pause(connection, "over", NOW)
        assert not end_pause(connection, "told", NOW)
        insert_runaways(connection, [runaway("new", 0), runaway("new", 0)])
    with store.read() as connection:
        kept = read_runaways(connection, NOW - timedelta(days=365))
        recent = read_runaways(connection, NOW - timedelta(days=1))

    assert [(each.lineage_id, each.pauses) for each in kept] == [("old", True), ("new", True)]
    assert [each.lineage_id for each in recent] == ["old", "new"]
