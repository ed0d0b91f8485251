"""A key has gone quiet once every gateway on the store has said so."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulumi_groq.gateway.admin.quiet_period import QuietPeriods, Reports
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


def reported(store: Store, used_at: datetime) -> None:
    assert store.member is not None
    with store.write() as connection:
        report(connection, store.member.holder, {Key.id: used_at}, None)


def checked(store: Store, last: datetime | None = None, *, answering: Sequence[Store] = ()) -> None:
    usage: Any = Usage()
    usage.last = last
    key: Any = Key()
    names = [str(each.replica) for each in answering]
    quiet = QuietPeriods(store, usage, StillClock(), Reports(store, lambda: names))
    with store.write() as connection:
        check = quiet.check_of(connection, key, HOUR, quiet.reports.collect())
    check()


def refusal(store: Store, last: datetime | None = None, *, answering: Sequence[Store] = ()) -> str:
    with pytest.raises(Conflict) as refused:
        checked(store, last, answering=answering)
    assert refused.value.detail.code == "key_in_use"
    return str(refused.value.detail.message)


def test_a_use_that_another_gateway_has_reported_counts(stores: tuple[Store, Store]) -> None:
    """Of a request that runs still, and is in no ledger."""
    here, there = stores
    reported(there, NOW - HOUR / 2)
    assert "last served a request at 2026-11-26T11:30:00Z" in refusal(here, answering=[there])
    reported(there, NOW - HOUR / 3)
    assert "11:40:00" in refusal(here, answering=[there])
    reported(there, NOW - HOUR)


def test_every_other_gateway_has_to_report_first(stores: tuple[Store, Store]) -> None:
    """However lately it was seen: the key may have been used since. Who has left need not."""
    here, there = stores
    for last in (None, NOW - HOUR):
        assert f"may be in use at the gateway {there.replica}" in refusal(here, last)
        checked(here, last, answering=[there])
    there.close()
    checked(here)
