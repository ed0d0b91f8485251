"""The PostgreSQL server that tests are given."""

import psycopg
import pytest

from postgresql_server import PostgresqlServer


def test_each_database_is_a_new_one(postgresql_server: PostgresqlServer, postgresql_url: str) -> None:
    """What one test writes, another does not see."""
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    with psycopg.connect(postgresql_server.new_database()) as other:
        assert other.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_it_holds_its_password(postgresql_url: str) -> None:
    """A wrong one is refused, as on a real server, so that tests tell whether one is passed on."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgresql_url.replace(":pw-", ":not-"))
