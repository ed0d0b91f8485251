"""Within a major, a store that a newer version has added to is served; see CONTRIBUTING.md."""

import logging
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from in_process_gateway import ADMIN_KEY, MODEL, StandingClock, serving
from pulumi_groq.gateway.clock import MovableClock
from pulumi_groq.gateway.settings import Settings
from pulumi_groq.gateway.store.errors import StoreOpenError
from pulumi_groq.gateway.store.migrate import MIGRATIONS, REVISION
from pulumi_groq.gateway.store.store import Store, migrate_beside
from pulumi_groq.gateway.store_copy import copy_store
from schema_changes import breaking_changes, schema_of

ADDITIONS = (
    "ALTER TABLE api_keys ADD COLUMN colour VARCHAR(16)",
    "ALTER TABLE ledger ADD COLUMN weight INTEGER NOT NULL DEFAULT 1",
    "CREATE TABLE colours (name VARCHAR(16) PRIMARY KEY)",
    "UPDATE alembic_version SET version_num = '1.1'",
)


def revisions() -> list[str]:
    """From the first on."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()][::-1]


def test_revisions_are_numbered_on() -> None:
    """The next minor, or the first of the next major: what an older version may serve shows in the name."""
    numbers = []
    for revision in revisions():
        found = REVISION.fullmatch(revision)
        assert found is not None, revision
        numbers.append((int(found[1]), int(found[2])))
    assert numbers[0] == (1, 0)
    for (major, minor), later in pairwise(numbers):
        assert later in {(major, minor + 1), (major + 1, 0)}


def test_a_minor_revision_only_adds() -> None:
    """What the version before knows is there still, and it need not give more."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        former, before = "", schema_of(connection)
        for revision in revisions():
            command.upgrade(config, revision)
            after = schema_of(connection)
            assert after != before, revision
            if former.partition(".")[0] == revision.partition(".")[0]:
                assert list(breaking_changes(before, after)) == [], revision
            former, before = revision, after


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("ALTER TABLE t ADD COLUMN b INTEGER", []),
        ("ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 0", []),
        ("CREATE TABLE u (a INTEGER NOT NULL)", []),
        ("CREATE INDEX i ON t (a)", []),
        ("DROP TABLE t", ["t is gone"]),
        ("ALTER TABLE t DROP COLUMN a", ["t.a is gone"]),
        ("ALTER TABLE t RENAME COLUMN a TO b", ["t.a is gone"]),
        ("CREATE UNIQUE INDEX i ON t (a)", ["t: unique ['a'] is new"]),
        (
            "DROP TABLE t; "
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER NOT NULL, CHECK (a > 0))",
            ["t.a was changed", "t.b has to be given", "t: check a > 0 is new"],
        ),
        ("DROP TABLE t; CREATE TABLE t (id INTEGER, a INTEGER PRIMARY KEY)", ["t has another primary key"]),
    ],
)
def test_what_breaks_the_version_before_is_seen(change: str, broken: list[str]) -> None:
    """The comparison above, on changes that somebody might make."""
    with create_engine("sqlite://").begin() as connection:
        connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER)"))
        before = schema_of(connection)
        for statement in change.split("; "):
            connection.execute(text(statement))
        assert list(breaking_changes(before, schema_of(connection))) == broken


async def test_a_store_that_a_newer_version_has_added_to_is_served(
    store_url: str, open_any: Callable[[], Store]
) -> None:
    """Keys are made and used, and all is there after a restart; the store stays as the newer one has it."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    store = open_any()
    with store.write() as connection:
        for statement in ADDITIONS:
            connection.execute(text(statement))
    store.close()

    settings = Settings(admin_key=ADMIN_KEY, store_url=store_url)
    admin = {"authorization": f"Bearer {ADMIN_KEY}"}
    keys: list[str] = []
    for _ in range(2):
        store = open_any()
        async with (
            serving(settings, store, MovableClock(StandingClock())) as app,
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client,
        ):
            body = {"name": f"key-{len(keys)}", "allowed_models": [MODEL]}
            made = await client.post("/openai/v1/api-keys", json=body, headers=admin)
            keys.append(made.json()["api_key"])
            chat = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
            answers = [
                await client.post(
                    "/openai/v1/chat/completions", json=chat, headers={"authorization": f"Bearer {key}"}
                )
                for key in keys
            ]
            assert [each.status_code for each in answers] == [200] * len(keys)
        with store.read() as connection:
            assert (
                connection.scalar(text("SELECT count(*) FROM ledger WHERE weight = 1")) == 2 * len(keys) - 1
            )
            assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "1.1"
        store.close()
    assert migrate_beside(store_url) is False


def test_what_is_not_known_is_not_left_out_of_a_copy(
    open_database: Callable[[], Store], database: Path, postgresql_url: str, tmp_path: Path
) -> None:
    """The newer version copies it whole."""
    open_database().close()
    with sqlite3.connect(database) as connection:
        for statement in ADDITIONS:
            connection.execute(statement)
    connection.close()
    with pytest.raises(StoreOpenError, match="of a newer version of pulumi-groq: copy it with that"):
        copy_store(
            f"sqlite:///{database}", postgresql_url, tmp_path / "data", lambda _: None, lambda *_: None
        )
