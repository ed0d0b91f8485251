"""Consumers in the store, on each back end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pulumi_groq.gateway.store.consumers import SeenConsumer, consumers_of, forget_consumers, note_consumers
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.consumer import MOST_CONSUMERS

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW_US = round(NOW.timestamp() * 1_000_000)


def test_the_latest_use_is_kept_whatever_comes_last(open_any: Callable[[], Store]) -> None:
    """A row that is there is not set back by an older use."""
    store = open_any()
    for at_us in (5, 9, 7):
        with store.write() as connection:
            note_consumers(connection, [SeenConsumer("key_01a", "10.0.0.1", "caf\xe9", at_us)])
    with store.read() as connection:
        assert consumers_of(connection, "key_01a") == [SeenConsumer("key_01a", "10.0.0.1", "caf\xe9", 9)]


def test_each_key_keeps_its_newest(open_any: Callable[[], Store]) -> None:
    """Of one that has too many the oldest go, of the others none."""
    store = open_any()
    busy = [SeenConsumer("key_01a", f"10.0.0.{number}", "", number) for number in range(MOST_CONSUMERS + 3)]
    calm = [SeenConsumer("key_01b", "10.0.0.1", "", 1)]
    with store.write() as connection:
        note_consumers(connection, busy + calm)
    with store.read() as connection:
        assert sorted(consumers_of(connection, "key_01a")) == sorted(busy[3:])
        assert consumers_of(connection, "key_01b") == calm


def test_the_old_are_forgotten(open_any: Callable[[], Store]) -> None:
    """Those last seen before a time, and no others."""
    store = open_any()
    with store.write() as connection:
        note_consumers(
            connection,
            [SeenConsumer("k", "10.0.0.1", "", NOW_US), SeenConsumer("k", "10.0.0.2", "", NOW_US - 1)],
        )
        forget_consumers(connection, NOW)
        assert [each.address for each in consumers_of(connection, "k")] == ["10.0.0.1"]
        forget_consumers(connection, NOW + timedelta(days=1))
        assert consumers_of(connection, "k") == []
