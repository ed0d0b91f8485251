"""Opening a store: its file, its settings, and every reason not to."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.store import Store, open_store


def refusal(url: str) -> str:
    with pytest.raises(StoreOpenError) as refused:
        open_store(url)
    return str(refused.value)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000)],
)
def test_every_connection_is_set_up_to_survive(
    open_database: Callable[[], Store], pragma: str, value: object
) -> None:
    """Write-ahead log, every commit synced, references held, patience with other readers."""
    with open_database().read() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_new_store_is_private(open_database: Callable[[], Store], database: Path) -> None:
    """Database and write-ahead log are for their owner only."""
    open_database()
    modes = {path.name: path.stat().st_mode & 0o777 for path in database.parent.iterdir()}
    assert set(modes.values()) == {0o600}


def test_a_store_is_opened_again_as_it_was(open_database: Callable[[], Store]) -> None:
    """Migrations run once."""
    store = open_database()
    store.check()
    store.close()
    again = open_store(str(store.engine.url))
    again.check()
    again.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gateway.db",
        "mysql://u:s3cret@h/db",
        "sqlite://h/x.db",
        "sqlite+aiosqlite:///x",
    ],
)
def test_another_kind_of_url_is_refused_without_quoting_it(url: str) -> None:
    """It may hold a password."""
    message = refusal(url)
    assert ("sqlite:///path/to/gateway.db" in message, "s3cret" in message) == (True, False)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///g.db?mode=ro"])
def test_a_store_that_is_no_file_is_refused(url: str) -> None:
    """What is gone with the process is no store."""
    assert refusal(url).startswith("the store must be a file")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """It is not created silently: it may be a mount that is not there."""
    assert f"{tmp_path / 'nowhere'} does not exist" in refusal(f"sqlite:///{tmp_path}/nowhere/g.db")


def test_a_folder_as_store_is_refused(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "g.db").mkdir()
    assert f"cannot use {tmp_path / 'g.db'} as a store" in refusal(f"sqlite:///{tmp_path}/g.db")


def test_a_file_that_is_no_database_is_left_alone(database: Path) -> None:
    """And named; nothing is left beside it."""
    database.write_bytes(b"something else entirely, and long enough to be looked at" * 20)
    content = database.read_bytes()
    assert f"cannot use {database} as a store" in refusal(f"sqlite:///{database}")
    assert {path: path.read_bytes() for path in database.parent.iterdir()} == {database: content}


def test_a_place_where_nobody_may_look_is_named(tmp_path: Path) -> None:
    """By the error of the system, as that of a folder of another user."""
    url = f"sqlite:///{tmp_path}/{'x' * 300}/g.db"
    assert refusal(url).startswith(f"cannot look at {tmp_path}")


def test_a_refused_store_is_not_held(open_database: Callable[[], Store], database: Path) -> None:
    """Once the cause is mended the same process may open it."""
    database.write_bytes(b"not a database " * 100)
    refusal(f"sqlite:///{database}")
    database.unlink()
    open_database().check()


def test_a_second_opening_is_refused(open_database: Callable[[], Store], database: Path) -> None:
    """Limits counted twice are not held."""
    open_database()
    assert f"another gateway is using {database}" in refusal(f"sqlite:///{database}")


def test_the_kernel_frees_the_lock_of_a_killed_process(
    open_database: Callable[[], Store], database: Path
) -> None:
    """A crash never needs a lock file to be removed by hand."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pulumi_groq.gateway.store.store import open_store;"
            "store = open_store(sys.argv[1]); print('open', flush=True); sys.stdin.read()",
            f"sqlite:///{database}",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        assert "another gateway" in refusal(f"sqlite:///{database}")
        holder.kill()
    open_database().check()
