"""A store on PostgreSQL: what is its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import inspect, make_url, select, text

from patience import until
from postgresql_server import PASSWORD, PostgresqlServer
from pulumi_groq.gateway.backup import back_up
from pulumi_groq.gateway.store import silence
from pulumi_groq.gateway.store.errors import (
    RowRefusedError,
    StoreBehindError,
    StoreError,
    StoreNotYetError,
    StoreOpenError,
    StoreUnavailableError,
)
from pulumi_groq.gateway.store.membership import Membership
from pulumi_groq.gateway.store.migrate import migrate
from pulumi_groq.gateway.store.postgresql import PostgresqlBackend, open_postgresql_engine, row_transaction
from pulumi_groq.gateway.store.replicas import present_replicas
from pulumi_groq.gateway.store.schema import teams
from pulumi_groq.gateway.store.store import Store, migrate_beside, open_beside, open_store
from pulumi_groq.gateway.store_copy import copy_store


@pytest.fixture
def store(postgresql_url: str, tmp_path: Path) -> Iterator[Store]:
    """An open store."""
    opened = open_store(postgresql_url, data_directory=tmp_path / "data")
    yield opened
    opened.close()


def refusal(url: str, data: Path) -> str:
    with pytest.raises(StoreOpenError) as refused:
        open_store(url, data_directory=data)
    message = str(refused.value)
    assert "\n" not in message
    return message


def add_team(store: Store, name: str) -> None:
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO teams (name, allowed_models, allowed_tools, budgets, former_holders, created_at,"
                " updated_at) VALUES (:name, '[]', '[]', '[]', '[]', now(), now())"
            ),
            {"name": name},
        )


@pytest.mark.parametrize(
    "change",
    [
        (f":{PASSWORD}@", ":s3cret@"),  # refused by the server
        ("/test_", "/absent_"),  # no such database
        ("127.0.0.1:", "127.0.0.1:1"),  # nobody listens there, or no such port
        ("?", "?sslmode=bogus&x="),
    ],
)
def test_a_server_that_cannot_be_used_is_one_line_without_the_password(
    postgresql_url: str, tmp_path: Path, change: tuple[str, str]
) -> None:
    """With the host, which operators need; the URL's password stays out of it."""
    message = refusal((postgresql_url + "?").replace(*change), tmp_path)
    assert "cannot use postgresql://gateway@127.0.0.1:" in message
    assert "s3cret" not in message
    assert PASSWORD not in message


def test_a_url_without_a_database_is_refused(tmp_path: Path) -> None:
    """Without quoting it."""
    message = refusal("postgresql://u:s3cret@h:notaport/db", tmp_path)
    assert ("postgresql://user@host:5432/database" in message, "s3cret" in message) == (True, False)


def test_tls_parameters_of_the_url_reach_the_driver(postgresql_url: str, tmp_path: Path) -> None:
    """A server without TLS is refused by who asks for it."""
    assert "SSL" in refusal(f"{postgresql_url}?sslmode=require", tmp_path)


def test_a_new_database_does_not_take_the_place_of_a_store_by_itself(
    postgresql_url: str, tmp_path: Path
) -> None:
    """As where an upgrade names the new store, and nobody has copied: all keys would be refused."""
    former = tmp_path / "gateway.db"
    open_store(f"sqlite:///{former}").close()
    told = [refusal(postgresql_url, tmp_path) for _ in range(2)]
    assert [f"{former} is a store on SQLite" in each for each in told] == [True, True]
    copy_store(f"sqlite:///{former}", postgresql_url, tmp_path, lambda _: None, lambda *_: None)
    open_store(postgresql_url, data_directory=tmp_path).close()


def test_what_a_gateway_keeps_is_its_users_alone(store: Store) -> None:
    """Whoever could write its name would be it."""
    kept = [path for path in store.files.parent.iterdir() if path.is_file()]
    assert "gateway.replica" in {path.name for path in kept}
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_gateways_on_one_database_see_each_other(store: Store, postgresql_url: str, tmp_path: Path) -> None:
    """Each by the name that it keeps in its folder; one that has left is there no more."""
    other = open_store(postgresql_url, data_directory=tmp_path / "other")
    names = sorted((tmp_path / each / "gateway.replica").read_text() for each in ("data", "other"))
    store.watch()
    assert store.member is not None
    assert list(store.member.live) == names
    other.close()
    store.watch()
    assert list(store.member.live) == [store.replica]


def test_a_second_gateway_in_the_same_folder_is_refused(
    store: Store, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    """Two journals in one folder would be booked by each other."""
    message = refusal(postgresql_server.new_database(), tmp_path / "data")
    assert f"another gateway is using {tmp_path}/data/gateway" in message


def test_a_closed_store_is_free(postgresql_url: str, tmp_path: Path) -> None:
    """For the next one at once, with nothing left open."""
    for name in ("a", "b"):
        opened = open_store(postgresql_url, data_directory=tmp_path / name)
        opened.check()
        opened.close()


def test_a_commit_waits_for_nobody_who_reads(store: Store) -> None:
    """A long read keeps its state while others write."""
    with store.read() as reader:
        before = reader.scalars(select(teams.c.name)).all()
        add_team(store, "a")
        assert reader.scalars(select(teams.c.name)).all() == before == []


def test_a_store_works_whatever_a_database_has_by_default(
    postgresql_server: PostgresqlServer, postgresql_url: str, tmp_path: Path
) -> None:
    """Operators set such things for others; and who waited for a row sees what was done to it meanwhile."""
    for default in ("DateStyle = 'German'", "default_transaction_isolation = 'serializable'"):
        postgresql_server.execute(f"ALTER DATABASE {postgresql_url.rsplit('/', 1)[1]} SET {default}")
    opened = open_store(postgresql_url, data_directory=tmp_path / "data")
    opened.watch()
    with row_transaction(opened.engine) as connection:
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
    opened.close()


def test_a_store_that_is_locked_is_to_be_tried_again(postgresql_url: str, tmp_path: Path) -> None:
    """As while another gateway migrates it: said as that, and told from what stays so."""
    backend = PostgresqlBackend(postgresql_url)
    with (
        backend.transaction(writes=True),
        pytest.raises(StoreNotYetError, match="try again once it has ended"),
    ):
        open_store(f"{postgresql_url}?options=-c%20lock_timeout=10ms", data_directory=tmp_path / "data")
    backend.close()


def test_a_migration_takes_as_long_as_it_takes(postgresql_url: str) -> None:
    """Of a large ledger more than any other statement may."""
    engine = open_postgresql_engine(postgresql_url)
    with engine.begin() as connection:
        migrate(connection)
        assert connection.scalar(text("SHOW statement_timeout")) == "0"
    with engine.begin() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1min"
    engine.dispose()


def test_a_connection_on_which_nothing_is_heard_is_made_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As through a proxy that lost its server: whoever waits is told, and the next one is answered."""
    monkeypatch.setattr(silence, "SILENT_AFTER_S", 0.0)

    def wait() -> None:
        with store.read() as connection:
            connection.execute(text("SELECT pg_sleep(60)"))

    said = []

    def is_ended() -> bool:  # one that is ended before it asks is made anew, and asks then
        try:
            store.end_silent()
        except StoreUnavailableError as told:
            said.append(str(told))
        return waiting.done()

    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(wait)
        until(is_ended, "the connection is ended")
        with pytest.raises(StoreUnavailableError, match="PostgreSQL cannot be reached"):
            waiting.result()
    assert "silent on 1 connections" in said[-1]
    store.end_silent()
    store.check()


def test_text_is_ordered_by_its_bytes(store: Store) -> None:
    """As SQLite and Python order it: a page begins where the last one ended, in any language."""
    names = ["a", "B", "é", "Z", "z-", "z_"]
    for name in names:
        add_team(store, name)
    with store.read() as connection:
        assert connection.scalars(select(teams.c.name).order_by(teams.c.name)).all() == sorted(names)


def test_a_refused_value_is_not_shown(store: Store) -> None:
    """PostgreSQL quotes values in its errors; they are metadata and names."""
    add_team(store, "secret-name")
    with pytest.raises(RowRefusedError) as refused:
        add_team(store, "secret-name")
    assert str(refused.value) == "UniqueViolation (pk_teams)"
    with pytest.raises(RowRefusedError) as refused:
        add_team(store, "secret-name" * 20)
    assert "secret-name" not in str(refused.value)
    with pytest.raises(RowRefusedError):
        add_team(store, "secret\0name")


@pytest.mark.parametrize(
    ("password", "limit", "told"),
    [("right", 0, "no connection free: raise its max_connections"), ("wrong", -1, "refuses the password")],
)
def test_a_server_that_takes_no_connection_is_told_from_one_that_is_out(
    postgresql_url: str, postgresql_server: PostgresqlServer, password: str, limit: int, told: str
) -> None:
    """While a gateway serves, too: there is another thing to do. Without host and user."""
    role = f"limited_{password}"
    postgresql_server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'right' CONNECTION LIMIT {limit}")
    url = make_url(postgresql_url).set(username=role, password=password)
    engine = open_postgresql_engine(url.render_as_string(hide_password=False))
    with pytest.raises(StoreUnavailableError, match=told) as refused, row_transaction(engine):
        raise AssertionError("it took the connection")
    assert role not in str(refused.value)


def test_a_store_works_again_after_an_outage(own_postgresql_server: PostgresqlServer, tmp_path: Path) -> None:
    """Without a restart, and its place is still its own."""
    url = own_postgresql_server.new_database()
    store = open_store(url, data_directory=tmp_path)
    add_team(store, "before")
    own_postgresql_server.stop()
    for use in (store.check, store.watch, lambda: add_team(store, "during")):
        with pytest.raises(StoreUnavailableError, match="PostgreSQL cannot be reached"):
            use()
    assert store.is_ours
    own_postgresql_server.start()
    store.watch()
    add_team(store, "after")
    with store.read() as connection:
        assert connection.scalars(select(teams.c.name)).all() == ["before", "after"]
    assert store.is_ours
    store.close()


@pytest.mark.parametrize("dead", ["127.0.0.1:1", "[::1]:1", "127.0.0.1:1,127.0.0.1:2"])
def test_of_several_hosts_the_primary_is_used(postgresql_url: str, tmp_path: Path, dead: str) -> None:
    """As libpq writes them in a URL, so that a failover needs no other address."""
    url = postgresql_url.replace("@", f"@{dead},") + "?target_session_attrs=read-write"
    opened = open_store(url, data_directory=tmp_path / "data")
    add_team(opened, "one")
    opened.close()


def test_connections_to_a_server_that_takes_no_writes_are_made_anew(
    store: Store, postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    """As to a primary that became a standby: it goes on answering on those that it has."""
    of_database = f"ALTER DATABASE {postgresql_url.rsplit('/', 1)[1]} SET default_transaction_read_only ="
    postgresql_server.execute(f"{of_database} on")
    store.engine.dispose()
    with store.read():  # two connections, both of them to be made anew
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="PostgreSQL refuses: ReadOnlySqlTransaction"):
                add_team(store, "during")
    postgresql_server.execute(f"{of_database} off")
    for name in ("after", "later"):
        with store.read():
            add_team(store, name)


def test_a_gateway_whose_place_was_taken_spends_no_more(
    store: Store, postgresql_url: str, tmp_path: Path
) -> None:
    """Another process has its folder's name, as after a copy: the later one is it."""
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "gateway.replica").write_text((tmp_path / "data" / "gateway.replica").read_text())
    copy = open_store(postgresql_url, data_directory=tmp_path / "copy")
    with pytest.raises(StoreUnavailableError, match="another process has taken this gateway's place"):
        store.watch()
    assert (store.is_ours, copy.is_ours) == (False, True)
    with pytest.raises(StoreUnavailableError, match="lost its place"):
        add_team(store, "late")
    copy.close()


def test_what_is_in_memory_holds_for_a_while_of_an_outage(
    own_postgresql_server: PostgresqlServer,
) -> None:
    """Known keys go on; then nothing is spent until PostgreSQL answers."""
    monotonic_s = Mock(return_value=0.0)
    url = own_postgresql_server.new_database()
    migrate_beside(url)
    engine = open_postgresql_engine(url)
    member = Membership(engine, "one", 300, monotonic_s)
    own_postgresql_server.stop()
    for now_s, expected in ((1.0, True), (300.0, True), (301.0, False)):
        monotonic_s.return_value = now_s
        with pytest.raises(StoreUnavailableError, match="PostgreSQL cannot be reached"):
            member.watch()
        assert member.is_ours is expected
    own_postgresql_server.start()
    member.watch()
    assert member.is_ours
    engine.dispose()


@pytest.mark.parametrize("known", ["epoch = 1", "last_call = 6", "replica = 'other'"])
def test_a_gateway_whose_store_lacks_what_it_acknowledged_cannot_go_on(
    postgresql_url: str, tmp_path: Path, known: str
) -> None:
    """As a copy that lagged does: a former life, fewer calls of the bank, or nobody of that name."""
    for _ in range(2):
        store = open_store(postgresql_url, data_directory=tmp_path / "data")
        store.close()
    store = open_store(postgresql_url, data_directory=tmp_path / "data")
    assert store.member is not None
    store.member.answered(7)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE bank_members SET last_call = 7"))
    store.watch()
    assert not store.is_behind
    with store.engine.begin() as connection:
        connection.execute(text(f"UPDATE bank_members SET {known}"))  # noqa: S608
    with pytest.raises(StoreBehindError, match="PostgreSQL lacks what it acknowledged"):
        store.watch()
    assert (store.is_behind, store.is_ours) == (True, False)
    store.close()


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_a_name_that_is_none_is_refused(postgresql_url: str, tmp_path: Path, name: str) -> None:
    """Whatever a damaged disk has made of it: in one line, with its file."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gateway.replica").write_text(name)
    assert "gateway.replica holds no name" in refusal(postgresql_url, tmp_path / "data")


def test_two_gateways_that_start_at_once_make_the_tables_once(postgresql_url: str, tmp_path: Path) -> None:
    """On an empty database: one of them waits for the other."""
    with ThreadPoolExecutor(2) as threads:
        opened = list(
            threads.map(lambda name: open_store(postgresql_url, data_directory=tmp_path / name), "ab")
        )
    with opened[0].read() as connection:
        assert len(present_replicas(connection)) == 2
    for each in opened:
        each.close()


def test_a_store_that_is_not_ours_takes_no_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever part of the gateway wants it."""
    monkeypatch.setattr(type(store.backend), "is_ours", False)
    with pytest.raises(StoreUnavailableError, match="lost its place"), store.write():
        pass


def test_migrate_makes_the_tables_once(postgresql_url: str) -> None:
    """As a step of its own, before any gateway; the second one has nothing to do."""
    with pytest.raises(StoreError, match="the store is empty"), open_beside(postgresql_url):
        pass
    assert [migrate_beside(postgresql_url), migrate_beside(postgresql_url)] == [True, False]
    with open_beside(postgresql_url) as connection:
        assert "ledger" in inspect(connection).get_table_names()


def test_a_store_of_another_version_is_refused(
    store: Store, postgresql_server: PostgresqlServer, postgresql_url: str, tmp_path: Path
) -> None:
    """In one line, and it is left as it is."""
    store.close()
    postgresql_server.execute(
        "UPDATE alembic_version SET version_num = '9999'", postgresql_url.rsplit("/", 1)[1]
    )
    assert "schema revision 9999" in refusal(postgresql_url, tmp_path / "data")


def test_a_backup_is_pg_dumps(postgresql_url: str, tmp_path: Path) -> None:
    """The command says so."""
    with pytest.raises(StoreOpenError, match="pg_dump"):
        back_up(postgresql_url, tmp_path / "b.db", lambda *_: None, lambda: None)
