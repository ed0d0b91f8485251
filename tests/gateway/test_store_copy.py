"""A store goes from SQLite to PostgreSQL whole: every row, and what lies beside it; or nobody can use it."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from filled_store import contents, fill
from postgresql_server import PASSWORD, PostgresqlServer
from pulumi_groq.gateway.store import row_copy
from pulumi_groq.gateway.store.errors import StoreError, StoreOpenError
from pulumi_groq.gateway.store.row_copy import Begun
from pulumi_groq.gateway.store.store import Store, migrate_beside, open_beside, open_store
from pulumi_groq.gateway.store_copy import (
    COMPARED,
    COPIED,
    READ,
    CopyDiffersError,
    StoreCopied,
    Told,
    copy_store,
)

ROWS = 9
KILLED = """
import os, signal, sys
from pathlib import Path
from pulumi_groq.gateway.store_copy import copy_store
from pulumi_groq.gateway.store import row_copy

source, destination, data, doing, step = sys.argv[1:]
row_copy.ROWS_AT_ONCE = 4
steps = iter(range(int(step)))

def told(what, table, rows):
    if what == doing and next(steps, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)

copy_store(source, destination, Path(data), lambda rows: None, told)
"""


@pytest.fixture
def source(tmp_path: Path) -> str:
    """The URL of a store with rows in every table, that nobody serves."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    store = open_store(url)
    fill(store, ROWS)
    store.close()
    (tmp_path / "gateway.db.secret").write_text("the server's secret")
    return url


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The new gateway's own folder."""
    return tmp_path / "data"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several parts to a table."""
    monkeypatch.setattr(row_copy, "ROWS_AT_ONCE", 4)


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement beside everything."""
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement.encode())
        return done.fetchall() if done.description else []


def no_one(*_: object) -> None:
    """Is told nothing."""


def copied(source: str, destination: str, data: Path, told: Told = no_one) -> StoreCopied:
    return copy_store(source, destination, data, no_one, told)


def refusal(source: str, destination: str, data: Path) -> str:
    with pytest.raises(StoreOpenError) as refused:
        copied(source, destination, data)
    message = str(refused.value)
    assert "\n" not in message
    return message


def both(source: str, destination: str, data: Path) -> Iterator[Store]:
    for url, folder in ((source, None), (destination, data)):
        store = open_store(url, data_directory=folder)
        yield store
        store.close()


def assert_the_same(source: str, destination: str, data: Path) -> None:
    first, second = (contents(store) for store in both(source, destination, data))
    assert first == second
    assert all(rows for rows in first.values())


def test_every_row_of_every_table_goes_over(source: str, postgresql_url: str, data: Path) -> None:
    """To the value, whatever kind it is of; with the secret, for its owner only."""
    done = copied(source, postgresql_url, data)

    assert_the_same(source, postgresql_url, data)
    assert {each.table: each.rows for each in done.tables if each.rows != ROWS} == {"spend_policy": 1}
    assert done.secret == data.absolute() / "gateway.secret"
    assert done.secret.read_text() == "the server's secret"
    assert done.secret.stat().st_mode & 0o777 == 0o600


def test_no_table_of_a_store_is_forgotten(source: str, tmp_path: Path) -> None:
    """But the count of writes and what gateways have among themselves, which are each store's own, and what
    the databases keep for themselves. It is asked in a process that has imported nothing else: each module of
    the store may define tables.
    """
    connection = sqlite3.connect(tmp_path / "gateway.db")
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    asked = "from pulumi_groq.gateway.store.row_copy import TABLES; print(*[table.name for table in TABLES])"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert there - set(told.split()) == row_copy.NOT_COPIED | {"alembic_version", "sqlite_sequence"}


@pytest.mark.parametrize(
    ("doing", "step", "begun"),
    [
        (READ, 20, Begun.EMPTY),
        (COPIED, 0, Begun.CONTINUED),
        (COPIED, 1, Begun.CONTINUED),
        (COPIED, 14, Begun.CONTINUED),
        (COPIED, 35, Begun.CONTINUED),
        (COPIED, 60, Begun.CONTINUED),
        (COMPARED, 20, Begun.CONTINUED),
    ],
)
def test_a_copy_that_is_killed_goes_on(
    doing: str, step: int, begun: Begun, source: str, postgresql_url: str, data: Path
) -> None:
    """kill -9 at any step: nobody can use what is there until the same command has come to its end."""
    arguments = [source, postgresql_url, str(data), doing, str(step)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    if begun is Begun.CONTINUED:
        with pytest.raises(StoreOpenError, match="not whole"):
            open_store(postgresql_url, data_directory=data)
        with pytest.raises(StoreError, match="not whole"), open_beside(postgresql_url):
            pass
        with pytest.raises(StoreError, match="not whole"):
            migrate_beside(postgresql_url)

    assert copied(source, postgresql_url, data).begun is begun
    assert_the_same(source, postgresql_url, data)


def cut_off(source: str, destination: str, data: Path, doing: str = COPIED) -> None:
    """Begin a copy and end it in the middle."""
    steps = iter(range(25))

    def told(what: str, table: str, rows: int) -> None:
        if what == doing and next(steps, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copied(source, destination, data, told)


def test_a_source_that_changed_meanwhile_is_copied_anew(
    source: str, postgresql_url: str, data: Path, small_parts: None
) -> None:
    """A row that was there is another now: nothing of the earlier copy stays."""
    cut_off(source, postgresql_url, data)
    store = open_store(source)
    with store.write() as connection:
        connection.execute(text("UPDATE admin_keys SET name = 'renamed'"))
    store.close()

    assert copied(source, postgresql_url, data).begun is Begun.RESTARTED
    assert_the_same(source, postgresql_url, data)


def test_a_copy_that_another_version_began_is_refused(
    source: str, postgresql_url: str, data: Path, small_parts: None
) -> None:
    """Its tables are not of this version."""
    cut_off(source, postgresql_url, data)
    execute(postgresql_url, "UPDATE alembic_version SET version_num = 'copy-0000-0123456789abcdef'")

    assert "another version of pulumi-groq began" in refusal(source, postgresql_url, data)


def test_a_whole_copy_is_compared_again(source: str, postgresql_url: str, data: Path) -> None:
    """Whoever missed the end of the first run gets it again; nothing is written."""
    first = copied(source, postgresql_url, data)
    second = copied(source, postgresql_url, data)
    assert (second.begun, second.tables) == (Begun.FULL, first.tables)


def test_a_database_in_use_is_kept(source: str, postgresql_url: str, data: Path) -> None:
    """Another store in it, or a copy that was used since, stays as it is."""
    copied(source, postgresql_url, data)
    execute(postgresql_url, "UPDATE teams SET claim = 'used'")
    before = execute(postgresql_url, "SELECT claim FROM teams")

    assert "give an empty one" in refusal(source, postgresql_url, data)
    assert execute(postgresql_url, "SELECT claim FROM teams") == before


def test_tables_may_be_made_before(source: str, postgresql_url: str, data: Path) -> None:
    """By `pulumi-groq migrate`, with a user who may make tables."""
    migrate_beside(postgresql_url)
    assert copied(source, postgresql_url, data).begun is Begun.EMPTY
    assert_the_same(source, postgresql_url, data)


def test_a_copy_that_differs_is_told_and_of_no_use(source: str, postgresql_url: str, data: Path) -> None:
    """Whatever else writes to the database: the table is named, and no gateway starts on it."""

    def told(what: str, table: str, rows: int) -> None:
        if (what, table, rows) == (COPIED, row_copy.TABLES[-1].name, ROWS):
            execute(postgresql_url, "UPDATE ledger SET cost_micro_usd = cost_micro_usd + 1")

    with pytest.raises(CopyDiffersError, match=r"1 of \d+ tables: ledger has 9 rows of 9, SHA-256"):
        copied(source, postgresql_url, data, told)
    with pytest.raises(StoreOpenError, match="not whole"):
        open_store(postgresql_url, data_directory=data)


def test_numbers_go_on_behind_the_copied_ones(source: str, postgresql_url: str, data: Path) -> None:
    """Also behind those of rows that are gone: a number means one row for ever."""
    store = open_store(source)
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO set_aside"
                " (id, origin, reason, content, started_us, charged_micro_usd, is_closed)"
                " VALUES (500, 'gone', '', '', 0, 0, 1)"
            )
        )
        connection.execute(text("DELETE FROM set_aside WHERE id = 500"))
    store.close()
    copied(source, postgresql_url, data)

    for table, column, last in (
        ("set_aside", "id", 500),
        ("api_keys", "seq", 3 * ROWS - 2),
        ("changes", "id", ROWS),
    ):
        found = execute(postgresql_url, f"SELECT nextval(pg_get_serial_sequence('{table}', '{column}'))")
        assert found == [(last + 1,)]


def test_a_row_that_cannot_be_held_is_named(source: str, postgresql_url: str, data: Path) -> None:
    """SQLite holds texts of any length, for one."""
    store = open_store(source)
    with store.write() as connection:
        connection.execute(
            text("UPDATE ledger SET request_id = 'req_5', model = :long WHERE request_id LIKE '%5'"),
            {"long": "m" * 201},
        )
    store.close()

    assert "the row of ledger with request_id 'req_5' cannot be copied" in refusal(
        source, postgresql_url, data
    )


@pytest.mark.parametrize("served", ["source", "destination"])
def test_a_store_that_a_gateway_uses_is_refused(
    served: str, source: str, postgresql_url: str, data: Path, tmp_path: Path
) -> None:
    """On either side, and nothing is written."""
    url = source if served == "source" else postgresql_url
    store = open_store(url, data_directory=tmp_path / "others")
    assert "another gateway is using" in refusal(source, postgresql_url, data)
    store.close()


def test_what_lies_in_the_data_folder_is_kept(source: str, postgresql_url: str, data: Path) -> None:
    """A journal that another store has to book, and another gateway's secret."""
    (data / "gateway.journal").mkdir(parents=True)
    segment = data / "gateway.journal" / "000000000001.jsonl"
    segment.write_bytes(b"00000000 []\n")
    assert "000000000001.jsonl holds what another store has to book" in refusal(source, postgresql_url, data)
    segment.write_bytes(bytes(4096))
    (data / "gateway.secret").write_text("another one")
    assert "is the secret of another gateway" in refusal(source, postgresql_url, data)
    assert (data / "gateway.secret").read_text() == "another one"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("sqlite:///", "postgresql://h/"), "stores are copied from SQLite to PostgreSQL"),
        (("gateway.db", "absent.db"), "there is no store at"),
        (("sqlite:///", "mysql://h/"), "the store must be a URL"),
    ],
)
def test_a_source_that_is_none_is_one_line(
    change: tuple[str, str], told: str, source: str, postgresql_url: str, data: Path
) -> None:
    """And no store is made in its place."""
    assert told in refusal(source.replace(*change), postgresql_url, data)
    assert not (data.parent / "absent.db").exists()


def test_a_damaged_source_is_not_copied(source: str, postgresql_url: str, data: Path, tmp_path: Path) -> None:
    """It is looked through first."""
    content = bytearray((tmp_path / "gateway.db").read_bytes())
    content[8192:16384] = b"\xa5" * 8192
    (tmp_path / "gateway.db").write_bytes(content)
    assert "damaged" in refusal(source, postgresql_url, data)


def test_a_server_that_ends_is_told_and_the_copy_goes_on(
    source: str, own_postgresql_server: PostgresqlServer, data: Path, small_parts: None
) -> None:
    """In one line, without the password; the same command goes on when it is back."""
    url = own_postgresql_server.new_database()
    steps = iter(range(25))

    def told(what: str, table: str, rows: int) -> None:
        if what == COPIED and next(steps, None) is None:
            own_postgresql_server.stop()

    with pytest.raises(StoreOpenError, match="run the same command again") as refused:
        copied(source, url, data, told)
    assert PASSWORD not in str(refused.value)
    own_postgresql_server.start()
    assert copied(source, url, data).begun is Begun.CONTINUED
    assert_the_same(source, url, data)


def test_every_table_is_copied() -> None:
    """Whatever is imported before: the copy itself imports what defines a table of a whole gateway."""

    def listed(program: str) -> set[str]:
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return set(run.stdout.split())

    copied = listed(
        "from pulumi_groq.gateway.store.row_copy import NOT_COPIED, TABLES;"
        "print(*NOT_COPIED, *(table.name for table in TABLES))"
    )
    whole = listed(
        "import pulumi_groq.gateway.assembly; from pulumi_groq.gateway.store.schema import metadata;"
        "print(*metadata.tables)"
    )
    assert copied == whole
