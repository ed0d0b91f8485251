"""A key has gone quiet once every gateway on the store has said so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulumi_groq.gateway.admin.quiet_period import QuietPeriods
from pulumi_groq.gateway.admin.refusals import Conflict
from pulumi_groq.gateway.protocols import Clock
from pulumi_groq.gateway.store.replicas import report
from pulumi_groq.gateway.store.store import Store, open_store

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class StillClock(Clock):
    def now(self) -> datetime:
        return NOW


class Usage:
    """What this gateway knows of the key's last use."""

    last: datetime | None = None

    def last_used_at(self, _key_id: str) -> datetime | None:
        return self.last


class Key:
    id = "key_1"
    last_four = "abcd"


@pytest.fixture
def stores(postgresql_url: str, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two gateways' stores on one database."""
    opened = [open_store(postgresql_url, data_directory=tmp_path / name) for name in "ab"]
    yield opened[0], opened[1]
    for each in opened:
        each.close()


def reported(store: Store, at: datetime, used_at: datetime | None = None) -> None:
    uses = {} if used_at is None else {Key.id: used_at}
    assert store.member is not None
    with store.write() as connection:
        report(connection, store.member.holder, int(at.timestamp() * 1_000_000), uses, None)


def checked(store: Store, last: datetime | None = None) -> None:
    usage: Any = Usage()
    usage.last = last
    key: Any = Key()
    with store.write() as connection:
        check = QuietPeriods(store, usage, StillClock()).check_of(connection, key, HOUR)
    check()


def refusal(store: Store, last: datetime | None = None) -> str:
    with pytest.raises(Conflict) as refused:
        checked(store, last)
    assert refused.value.detail.code == "key_in_use"
    return str(refused.value.detail.message)


def test_a_use_that_another_gateway_has_reported_counts(stores: tuple[Store, Store]) -> None:
    """Of a request that runs still, and is in no ledger."""
    here, there = stores
    reported(there, NOW, used_at=NOW - HOUR / 2)
    assert "last served a request at 2026-11-26T11:30:00Z" in refusal(here)
    reported(there, NOW, used_at=NOW - HOUR / 3)
    assert "11:40:00" in refusal(here)


def test_the_whole_quiet_period_has_to_be_reported(stores: tuple[Store, Store]) -> None:
    """It ended a moment ago, and the other one has not said that it is over."""
    here, there = stores
    last = NOW - HOUR - timedelta(seconds=1)
    reported(there, NOW - timedelta(seconds=2))
    assert f"may be in use at the gateway {there.replica}" in refusal(here, last)
    reported(there, NOW - timedelta(seconds=1))
    checked(here, last)


def test_a_silent_gateway_may_be_using_it(stores: tuple[Store, Store]) -> None:
    """Also a key of which nobody knows a use: until it reports, leaves, or is forgotten."""
    here, there = stores
    reported(there, NOW - timedelta(seconds=11))
    assert "replicas forget" in refusal(here)
    reported(there, NOW - timedelta(seconds=9))
    checked(here)
    reported(there, NOW - HOUR)
    there.close()
    checked(here)
