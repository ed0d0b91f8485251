"""What is written is what is read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pulumi_groq.gateway.store.admin_keys import find_admin_key
from pulumi_groq.gateway.store.identities import find_identity, identity_by_id
from pulumi_groq.gateway.store.keys import KeyRecord, find_key, insert_key
from pulumi_groq.gateway.store.store import Store
from pulumi_groq.gateway.store.teams import find_team

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
RECORD = KeyRecord(
    id="key_01a",
    key_hash=bytes(range(32)),
    last_four="abcd",
    name="chat'bot; --",
    managed_by="o/p/s",
    declared_as="urn:pulumi:s::p::t::n",
    team=None,
    replaces=None,
    lineage_id="key_01a",
    generation=1,
    allowed_models=("b", "a"),
    allowed_tools=("mcp:docs.example.com", "image_urls"),
    requests_per_minute=1,
    tokens_per_minute="unlimited",
    requests_per_day=None,
    tokens_per_day=10**9,
    max_parallel_requests=7,
    monthly_budget_micro_usd=10**15,
    expires_at=None,
    metadata={"é": "🔑", "empty": ""},
    disabled=False,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"expires_at": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)},
        {"expires_at": datetime(1, 1, 1, tzinfo=UTC)},
        {"disabled": True, "metadata": {}},
    ],
)
def test_a_record_survives_the_store(open_any: Callable[[], Store], changes: dict[str, Any]) -> None:
    """Unset, unlimited and a number are three things; times keep their microseconds."""
    store = open_any()
    record = replace(RECORD, **changes)
    with store.write() as connection:
        insert_key(connection, record)
    with store.read() as connection:
        assert find_key(connection, record.id) == record


def test_times_come_back_in_utc(open_any: Callable[[], Store]) -> None:
    """Whatever zone they were given in."""
    store = open_any()
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with store.write() as connection:
        insert_key(connection, replace(RECORD, created_at=elsewhere))
    with store.read() as connection:
        found = find_key(connection, RECORD.id)
    assert found is not None
    assert (found.created_at, found.created_at.tzinfo) == (NOW, UTC)


def test_a_record_does_not_print_the_hash() -> None:
    """Records end up in error messages."""
    assert "key_hash" not in repr(RECORD)


def test_what_no_store_can_hold_is_not_found(open_any: Callable[[], Store]) -> None:
    """Callers may ask for any id; PostgreSQL refuses to look for a NUL."""
    with open_any().read() as connection:
        for find in (find_key, find_team, find_admin_key, find_identity, identity_by_id):
            assert [find(connection, asked) for asked in ("a\0", "\ud800")] == [None, None]
