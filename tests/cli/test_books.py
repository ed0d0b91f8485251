"""`pulumi-groq ledger`, `backup` and `restore` on a store, as an operator types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulumi_groq.cli.main import commands
from pulumi_groq.gateway.store.set_aside import SetAside, insert_set_aside, read_set_aside
from pulumi_groq.gateway.store.store import open_store

ROW = SetAside(
    "request:req_1",
    "its cost cannot be true",
    b"\xff[bold]",
    "req_1",
    "key_01a",
    "key_01a",
    None,
    "m",
    0,
    1_250_000,
)
LINE = SetAside(
    "000000000001.jsonl:0:0", "its checksum does not fit", b"", None, None, None, None, None, 0, 0
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with two rows set aside, that nobody serves."""
    store = open_store(f"sqlite:///{tmp_path}/gateway.db")
    with store.write() as connection:
        insert_set_aside(connection, [ROW, LINE])
    store.close()
    return f"sqlite:///{tmp_path}/gateway.db"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def decisions(url: str) -> list[int | None]:
    store = open_store(url)
    with store.read() as connection:
        found = [kept.decided_micro_usd for kept in read_set_aside(connection)]
    store.close()
    return found


def test_what_is_set_aside_is_listed(url: str) -> None:
    """For people a row each; what is unknown says so, and nothing is read as markup."""
    result = run("ledger", "set-aside", "--store", url)

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert any("req_1" in line and "1.25" in line and "its cost cannot be true" in line for line in lines)
    assert any("unknown" in line and "its checksum does not fit" in line for line in lines)


def test_programs_get_all_of_it(url: str) -> None:
    """With the content as it was found."""
    first, second = json.loads(run("ledger", "set-aside", "--store", url, "--output", "json").stdout)

    assert (first["number"], first["charged_usd"], first["decided"]) == (1, 1.25, False)
    assert first["content"] == "\\xff[bold]"
    assert (second["request_id"], second["began_at"]) == (None, "1970-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("arguments", "decided"),
    [
        (["book", "1"], 1_250_000),
        (["book", "1", "--cost-usd", "0.0125"], 12_500),
        (["book", "1", "--cost-usd", "0"], 0),
        (["drop", "1"], -1),
    ],
)
def test_a_row_is_booked_or_dropped_while_the_gateway_holds_the_store(
    url: str, arguments: list[str], decided: int
) -> None:
    """The decision is in the store; the gateway follows it in its next round."""
    store = open_store(url)
    result = run("ledger", *arguments, "--store", url)
    store.close()

    assert result.exit_code == 0, result.output
    assert decisions(url) == [decided, None]
    assert "(decided)" in run("ledger", "set-aside", "--store", url).stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["ledger", "book", "7"], "nothing is set aside under 7"),
        (["ledger", "drop", "7"], "nothing is set aside under 7"),
        (["ledger", "book", "1", "--cost-usd", "-1"], "-1"),
        (["ledger", "book", "1", "--cost-usd", "1000001"], "1000001"),
    ],
)
def test_what_cannot_be_decided_is_one_line(url: str, arguments: list[str], line: str) -> None:
    """Exit code 2, and nothing is decided."""
    result = run(*arguments, "--store", url)

    assert result.exit_code == 2
    assert line in result.stderr
    assert "Traceback" not in result.output
    assert decisions(url) == [None, None]


def test_a_store_without_rows_says_so(tmp_path: Path) -> None:
    """And one that is not there is not made."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    missing = run("ledger", "set-aside", "--store", url)
    assert (missing.exit_code, "there is no store" in missing.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
    open_store(url).close()

    assert run("ledger", "set-aside", "--store", url).stdout == "Nothing is set aside.\n"


@pytest.mark.parametrize("command", [["backup", "b"], ["migrate"], ["ledger", "set-aside"]])
def test_a_place_where_nobody_may_look_is_one_line(tmp_path: Path, command: list[str]) -> None:
    """As the folder of the service, for whoever is not its user."""
    done = run(*command, "--store", f"sqlite:///{tmp_path}/{'x' * 300}/g.db")
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert done.output.startswith(f"Error: cannot look at {tmp_path}")


def test_a_backup_of_nothing_is_told_as_such(tmp_path: Path) -> None:
    """As every other command tells it."""
    missing = run("backup", str(tmp_path / "b.db"), "--store", f"sqlite:///{tmp_path}/gateway.db")
    assert (missing.exit_code, "there is no store at" in missing.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_backup_is_told_as_such(tmp_path: Path) -> None:
    """And nothing is put in the store's place."""
    (tmp_path / "notes.txt").write_text("no database at all")
    refused = run("restore", str(tmp_path / "notes.txt"), "--store", f"sqlite:///{tmp_path}/gateway.db")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert (
        "notes.txt is damaged or no database (file is not a database): nothing was copied" in refused.stderr
    )
    assert not (tmp_path / "gateway.db").exists()


def test_what_postgresql_says_stays_apart() -> None:
    """Its lines are one line here, and read as several sentences."""
    refused = run("migrate", "--store", "postgresql://u@127.0.0.1:1/db")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "Connection refused; Is the server running" in refused.stderr


def test_a_backup_is_made_and_brought_back(url: str, tmp_path: Path) -> None:
    """While a gateway holds the store; it comes back only when none does."""
    store = open_store(url)
    made = run("backup", str(tmp_path / "b.db"), "--store", url)
    refused = run("restore", str(tmp_path / "b.db"), "--store", url, "--replace")
    store.close()
    assert (made.exit_code, made.stdout) == (0, f"{tmp_path / 'b.db'} holds the store.\n")
    assert (refused.exit_code, "another gateway is using" in refused.stderr) == (2, True)

    assert run("restore", str(tmp_path / "b.db"), "--store", url).exit_code == 2
    assert run("restore", str(tmp_path / "b.db"), "--store", url, "--replace").exit_code == 0
    assert decisions(url) == [None, None]


def test_migrate_says_whether_it_did_anything(postgresql_url: str) -> None:
    """The URL comes from the environment, so that its password is in no list of processes."""
    told = [
        CliRunner().invoke(commands, ["migrate"], env={"GROQ_GATEWAY_STORE": postgresql_url}).output
        for _ in range(2)
    ]
    assert told == ["The store has this version's schema now.\n", "Nothing to do.\n"]
