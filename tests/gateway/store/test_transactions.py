"""Transactions of the store."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from pulumi_groq.gateway.store.errors import RowRefusedError, StoreUnavailableError
from pulumi_groq.gateway.store.schema import idempotency, teams
from pulumi_groq.gateway.store.store import Store

COUNT = text("SELECT count(*) FROM teams")


def insert_teams(connection: Connection, *names: str) -> None:
    for name in names:
        connection.execute(
            text(
                "INSERT INTO teams (name, allowed_models, allowed_tools, budgets, former_holders, created_at,"
                " updated_at) VALUES"
                " (:name, '[]', '[]', '[]', '[]', '2026-11-23 00:00:00', '2026-11-23 00:00:00')"
            ),
            {"name": name},
        )


def test_a_write_is_whole_or_not_at_all(open_any: Callable[[], Store]) -> None:
    """An error in the block undoes all of it."""
    store = open_any()
    with pytest.raises(RowRefusedError), store.write() as connection:
        insert_teams(connection, "a", "b", "a")
    with store.read() as connection:
        assert connection.execute(COUNT).scalar() == 0


def test_a_reader_sees_one_state(open_any: Callable[[], Store]) -> None:
    """A write in between does not show inside a read."""
    store = open_any()
    with store.read() as reader:
        before = reader.execute(COUNT).scalar()
        with store.write() as writer:
            insert_teams(writer, "a")
        after = reader.execute(COUNT).scalar()
    assert (before, after) == (0, 0)


def test_writers_wait_for_each_other(open_any: Callable[[], Store]) -> None:
    """Read-then-write in one transaction loses no update."""
    store = open_any()

    def add_one() -> None:
        for _ in range(10):
            with store.write() as connection:
                count = connection.execute(COUNT).scalar()
                insert_teams(connection, f"team-{count}")

    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert connection.execute(COUNT).scalar() == 40


def test_references_are_held(open_any: Callable[[], Store]) -> None:
    """A record of a create names a key that exists."""
    store = open_any()
    orphan = {
        "principal": "root",
        "key": "k",
        "fingerprint": b"f",
        "key_id": "key_01none",
        "created_at": datetime.now(UTC),
    }
    with pytest.raises(RowRefusedError, match=r"(?i)foreign ?key"), store.write() as connection:
        connection.execute(idempotency.insert().values(orphan))


def test_a_store_that_fails_is_unavailable(open_any: Callable[[], Store]) -> None:
    """Whatever the driver says, callers learn one thing; the message holds no parameter."""
    store = open_any()
    with store.write() as connection:
        connection.execute(text("DROP TABLE teams"))
    with pytest.raises(StoreUnavailableError) as failed, store.write() as connection:
        connection.execute(
            teams.insert().values(name="secret-name", allowed_models=[], allowed_tools=[], former_holders=[])
        )
    assert "secret-name" not in str(failed.value)


def test_errors_of_the_database_hide_their_parameters(open_any: Callable[[], Store]) -> None:
    """Metadata and sealed answers never reach a log through an exception."""
    with pytest.raises(RowRefusedError) as failed, open_any().write() as connection:
        connection.execute(
            teams.insert().values(
                name="secret-name", allowed_models=None, allowed_tools=[], former_holders=[]
            )
        )
    assert "secret-name" not in str(failed.value)
