"""Paging while keys come and go: nothing is shown twice, nothing that stayed is missed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulumi_groq.gateway.store.keys import (
    KeyQuery,
    KeyRecord,
    bury_key,
    cursor_position,
    insert_key,
    page_of_keys,
)
from pulumi_groq.gateway.store.store import open_store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
steps = st.lists(st.sampled_from(["add", "add", "delete", "page"]), max_size=40)


def record(number: int) -> KeyRecord:
    return KeyRecord(
        id=f"key_{number}",
        key_hash=number.to_bytes(32, "big"),
        last_four="abcd",
        name=f"name-{number % 2}",
        managed_by=None,
        declared_as=None,
        team=None,
        replaces=None,
        lineage_id=f"key_{number}",
        generation=1,
        allowed_models=("m",),
        allowed_tools=(),
        requests_per_minute=None,
        tokens_per_minute=None,
        requests_per_day=None,
        tokens_per_day=None,
        monthly_budget_micro_usd=None,
        expires_at=None,
        metadata={},
        disabled=False,
        created_at=NOW,
        updated_at=NOW,
    )


class Walk:
    """A reader that takes page after page while keys are added and deleted."""

    def __init__(self, store: Any, limit: int, match: KeyQuery) -> None:
        self._store = store
        self._limit = limit
        self._match = match
        self._numbers = iter(range(1, 10_000))
        self.cursor: str | None = None
        self.seen: list[str] = []
        self.live: list[str] = []

    def add(self) -> None:
        number = next(self._numbers)
        with self._store.write() as connection:
            insert_key(connection, record(number))
        self.live.append(f"key_{number}")

    def delete(self, choice: int) -> None:
        if self.live:
            with self._store.write() as connection:
                bury_key(connection, self.live.pop(choice % len(self.live)), NOW)

    def page(self) -> bool:
        with self._store.read() as connection:
            after = None if self.cursor is None else cursor_position(connection, self.cursor)
            keys = page_of_keys(connection, self._match, after, self._limit)
        self.seen += [key.id for key in keys]
        self.cursor = keys[-1].id if keys else self.cursor
        return bool(keys)


@settings(deadline=None, max_examples=60)
@given(
    first=st.integers(0, 15),
    limit=st.integers(1, 5),
    plan=steps,
    choices=st.lists(st.integers(0, 100), min_size=40, max_size=40),
    name=st.sampled_from([None, "name-0"]),
)
def test_pages_hold_every_key_that_stayed_and_none_twice(
    tmp_path_factory: pytest.TempPathFactory, first: Any, limit: Any, plan: Any, choices: Any, name: str
) -> None:
    """The union of the pages, read while others write, is every key that was never deleted, in order."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('walk') / 'g.db'}")
    walk = Walk(store, limit, KeyQuery(name=name))
    for _ in range(first):
        walk.add()
    for step, choice in zip(plan, choices, strict=False):
        if step == "delete":
            walk.delete(choice)
        else:
            {"add": walk.add, "page": walk.page}[step]()
    while walk.page():
        pass
    store.close()
    wanted = [key for key in walk.live if name is None or int(key[4:]) % 2 == 0]
    assert [key for key in walk.seen if key in walk.live] == wanted
    assert len(set(walk.seen)) == len(walk.seen)
