"""What the windows have cost, as every gateway on a store reads it there."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulumi_groq.gateway.metering.read_back import booked_spend
from pulumi_groq.gateway.store.ledger import LedgerRecord, insert_rows
from pulumi_groq.gateway.store.set_aside import SetAside, insert_set_aside
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.models.budgets import Per
from pulumi_groq.policy.access import Bounds, Budget, KeyAccess, Limits, OrganisationPolicy
from pulumi_groq.policy.quotas import budgets_of_key, budgets_of_organisation, budgets_of_team
from pulumi_groq.policy.windows import PERIODS

# A Monday that is the first of a month, one in a month, a Sunday, and a first in the midst of a week.
NOWS = [
    datetime(2027, 2, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 11, 23, 12, 10, tzinfo=UTC),
    datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC),
]
KEYS = {"key_a": "chat", "key_b": "chat", "key_c": None}
MODELS = ["m-one", "m-two"]
BEFORE = [timedelta(), timedelta(minutes=20), timedelta(hours=3), timedelta(days=1), timedelta(days=3)]
BEFORE += [timedelta(days=9), timedelta(days=33)]

requests = st.lists(
    st.tuples(
        st.sampled_from(sorted(KEYS)), st.sampled_from(MODELS), st.sampled_from(BEFORE), st.integers(1, 999)
    ),
    max_size=12,
)


def begins(per: Per, at: datetime) -> datetime:
    """Worked out anew."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    return {
        "hour": hour,
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
    }[per]


def record(number: int, key: str, model: str, at: datetime, cost: int) -> LedgerRecord:
    us = round(at.timestamp() * 1_000_000)
    name = f"req_{number}"
    return LedgerRecord(name, key, key, KEYS[key], model, "settled", 200, 1, 0, 1, cost, us, us)


@pytest.fixture
def store(open_any: Callable[[], Store]) -> Store:
    """An open store, on each back end in turn."""
    return open_any()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(now=st.sampled_from(NOWS), sent=requests)
def test_each_budget_counts_what_was_admitted_in_its_window(
    store: Store, now: datetime, sent: Sequence[tuple[str, str, timedelta, int]]
) -> None:
    """Of a key, a model, a team and the organisation, on either store; what is set aside, too."""
    every = tuple(Budget(per, 1_000_000) for per in PERIODS)
    with store.write() as connection:
        for table in ("ledger", "usage_by_day", "set_aside"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 (no foreign text)
        insert_rows(connection, [record(n, k, m, now - b, c) for n, (k, m, b, c) in enumerate(sent[1:])])
        for key, model, before, cost in sent[:1]:
            us = round((now - before).timestamp() * 1_000_000)
            what = SetAside("here", "odd", b"", "req_x", key, key, KEYS[key], model, us, cost)
            insert_set_aside(connection, [what])
    limits = Limits()
    models = {model: Bounds(limits, every[-1:]) for model in MODELS}
    now_s = now.timestamp()
    with store.read() as connection:
        spend = booked_spend(connection, now, by_hour=True)
    for key, team in KEYS.items():
        access = KeyAccess(
            key, key, key, team, frozenset(), limits, 1, None, False, budgets=every[:-1], model_bounds=models
        )
        for quota in budgets_of_key(access, now_s):
            assert quota.window
            of_model = (quota.scope.model,) if quota.scope.model else MODELS
            since = begins(quota.window.per, now)
            assert spend.of(quota) == sum(
                cost for k, m, before, cost in sent if k == key and m in of_model and now - before >= since
            )
    for quotas, keys in (
        (budgets_of_team("chat", Bounds(limits, every), now_s), ("key_a", "key_b")),
        (budgets_of_organisation(OrganisationPolicy(9, (), True, budgets=every[:-1]), now_s), tuple(KEYS)),
    ):
        assert len(quotas) == len(PERIODS)
        for quota in quotas:
            assert quota.window
            since = begins(quota.window.per, now)
            assert spend.of(quota) == sum(c for k, _, b, c in sent if k in keys and now - b >= since)


def test_without_the_hour_the_day_is_whole(store: Store) -> None:
    """What is not read by hour counts in the day all the same."""
    now = NOWS[1]
    with store.write() as connection:
        insert_rows(connection, [record(1, "key_a", "m-one", now, 7)])
        spend = booked_spend(connection, now, by_hour=False)
    day = budgets_of_organisation(
        OrganisationPolicy(9, (), True, budgets=(Budget("day", 1),)), now.timestamp()
    )
    assert [spend.of(quota) for quota in day] == [7, 7]
