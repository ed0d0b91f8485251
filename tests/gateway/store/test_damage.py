"""A store that lost or was damaged says so in one line; it never goes on as if nothing had been."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pulumi_groq.gateway.store.errors import StoreDamagedError, StoreOpenError, StoreUnavailableError
from pulumi_groq.gateway.store.schema import teams
from pulumi_groq.gateway.store.stamp import stamp_path
from pulumi_groq.gateway.store.store import Store, open_store
from pulumi_groq.gateway.store.teams import all_teams

AT = datetime(2026, 11, 23, tzinfo=UTC)
PAGE_BYTES = 4096
KILLED_WRITER = """
import os, sys
from pulumi_groq.gateway.store.store import open_store
store = open_store(sys.argv[1])
for number in range(5):
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO teams (name, allowed_models, allowed_tools, budgets, former_holders, created_at,"
            " updated_at) VALUES (?, '[]', '[]', '[]', '[]', '2026-11-23 00:00:00', '2026-11-23 00:00:00')",
            (f"t{number}",),
        )
os.kill(os.getpid(), 9)
"""


def killed_with_writes(database: Path) -> None:
    """A process that acknowledged five writes and was killed."""
    subprocess.run([sys.executable, "-c", KILLED_WRITER, f"sqlite:///{database}"], check=False)


def names_in(database: Path, *, accept_older: bool = False) -> list[str]:
    store = open_store(f"sqlite:///{database}", accept_older=accept_older)
    try:
        with store.read() as connection:
            return [team.name for team in all_teams(connection)]
    finally:
        store.close()


def refusal(database: Path) -> str:
    with pytest.raises(StoreOpenError) as refused:
        open_store(f"sqlite:///{database}")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_killed_process_has_lost_nothing(database: Path) -> None:
    """Its write-ahead log is there, so the store holds what the stamp says."""
    killed_with_writes(database)

    assert names_in(database) == ["t0", "t1", "t2", "t3", "t4"]


def test_a_write_ahead_log_that_is_gone_is_told(database: Path) -> None:
    """Keys and policies that were acknowledged would otherwise be gone without a word."""
    killed_with_writes(database)
    database.with_name("gateway.db-wal").unlink()

    assert "holds 1 of the 6 writes that it acknowledged" in refusal(database)
    assert "--accept-older-store" in refusal(database)
    assert names_in(database, accept_older=True) == []
    # From here on it is what it is.
    assert names_in(database) == []


def test_the_first_write_is_in_the_database_itself(database: Path) -> None:
    """The tables never depend on the log, so a lost log is a store without its keys, not an empty file."""
    killed_with_writes(database)
    database.with_name("gateway.db-wal").unlink()
    connection = sqlite3.connect(database)
    (count,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'api_keys'").fetchone()
    connection.close()

    assert count == 1


def test_a_database_that_is_gone_while_its_stamp_is_there_is_told(database: Path) -> None:
    """An empty store in its place would serve nobody and say nothing."""
    killed_with_writes(database)
    for name in ("gateway.db", "gateway.db-wal", "gateway.db-shm"):
        database.with_name(name).unlink(missing_ok=True)

    assert "holds 0 of the 6 writes" in refusal(database)
    assert names_in(database, accept_older=True) == []


def test_what_was_checkpointed_does_not_need_the_log(
    open_database: Callable[[], Store], database: Path
) -> None:
    """A lost log loses what was written since; without a write there is nothing to do."""
    store = open_database()
    for name in ("a", "b"):
        with store.write() as connection:
            connection.execute(
                teams.insert().values(
                    name=name,
                    allowed_models=[],
                    budgets=(),
                    allowed_tools=[],
                    former_holders=[],
                    created_at=AT,
                    updated_at=AT,
                )
            )
        store.checkpoint()
    store.checkpoint()
    copy = database.with_name("copy.db")
    copy.write_bytes(database.read_bytes())
    copied = sqlite3.connect(copy)
    names = copied.execute("SELECT name FROM teams").fetchall()
    copied.close()

    assert names == [("a",), ("b",)]


@pytest.mark.parametrize("content", [b"", b"not a number", b"\0" * 21, None])
def test_a_stamp_that_cannot_be_read_is_told_and_stops_nothing(
    database: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It makes losses known; it must not be one. Without it nobody would know of them."""
    killed_with_writes(database)
    stamp_path(database).unlink()
    if content is not None:
        stamp_path(database).write_bytes(content)

    assert len(names_in(database)) == 5
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    caplog.clear()
    killed_with_writes(database.with_name("new.db"))
    assert len(names_in(database.with_name("new.db"))) == 5
    assert caplog.records == []


@pytest.mark.parametrize("name", ["reserve", "lock"])
def test_a_directory_in_the_place_of_a_file_of_the_store_is_no_traceback(database: Path, name: str) -> None:
    """One line that names it."""
    beside = database.with_name(f"{database.name}.{name}")
    beside.mkdir()
    with pytest.raises(StoreOpenError, match=re.escape(str(beside))):
        open_store(f"sqlite:///{database}")


def test_a_stamp_that_is_behind_is_no_loss(database: Path) -> None:
    """It is not synced: a power cut may leave an older one."""
    killed_with_writes(database)
    stamp_path(database).write_bytes(b"%020d\n" % 2)

    assert len(names_in(database)) == 5
    assert stamp_path(database).read_bytes() == b"%020d\n" % 2


@pytest.mark.parametrize("page", range(0, 30, 6))
def test_a_damaged_page_is_one_line_wherever_it_is(database: Path, page: int) -> None:
    """Eight KiB overwritten: the start says what to do, or the page held nothing."""
    killed_with_writes(database)
    names_in(database)  # the log is in the database after this
    content = bytearray(database.read_bytes())
    start = page * PAGE_BYTES
    content[start : start + 2 * PAGE_BYTES] = b"\xa5" * 2 * PAGE_BYTES
    database.write_bytes(content)

    assert "pulumi-groq restore" in refusal(database)


def test_a_page_damaged_while_it_is_open_is_told_apart(
    open_database: Callable[[], Store], database: Path
) -> None:
    """No waiting helps then, so callers can tell it from a store that is busy."""
    store = open_database()
    store.checkpoint()
    store.engine.dispose()
    with database.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xa5" * (database.stat().st_size - PAGE_BYTES))

    with pytest.raises(StoreDamagedError):
        store.check()
    with pytest.raises(StoreUnavailableError), store.write() as connection:
        all_teams(connection)


def test_a_store_that_was_found_damaged_answers_nothing_more(
    open_database: Callable[[], Store], database: Path
) -> None:
    """Which of its pages are good is chance: an answer from one of them would say that all is well."""
    store = open_database()
    with pytest.raises(StoreDamagedError), store.read_soundly() as connection:
        raise ValueError(connection)
    store.check()
    store.engine.dispose()
    whole = database.read_bytes()
    database.write_bytes(whole[:PAGE_BYTES] + b"\xa5" * (len(whole) - PAGE_BYTES))
    with pytest.raises(StoreDamagedError):
        store.check()
    store.engine.dispose()
    database.write_bytes(whole)

    for _ in range(2):
        with pytest.raises(StoreDamagedError):
            store.check()


def test_a_value_that_nothing_can_be_made_of_is_damage_at_a_start(open_database: Callable[[], Store]) -> None:
    """A page may be whole and its content not."""
    store = open_database()
    with store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO teams (name, allowed_models, allowed_tools, budgets, former_holders, created_at,"
            " updated_at) VALUES ('a', '[', '[]', '[]', '[]', '2026-01-01', '2026-01-01')"
        )

    with pytest.raises(StoreDamagedError, match="a row cannot be read"), store.read_soundly() as connection:
        all_teams(connection)
