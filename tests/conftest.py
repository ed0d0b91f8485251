"""What holds for every test."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from postgresql_server import PostgresqlServer
from redis_server import RedisServer

pytest_plugins = ["failure_logs", "one_day", "time_limit"]

# Images of containers set it. Of all that the tests start, every gateway, program, plugin and language host
# would then compile each of its modules anew, which is half of what its start costs.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# The machines are slow and noisy, so no example has a deadline; the same examples on every run, so
# that a failure is the change's and not the day's.
settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the gateway does."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """One server for the session: no test stops it, each has a database of its own."""
    server = PostgresqlServer()
    yield server
    server.close()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> str:
    """The URL of an empty database."""
    return postgresql_server.new_database()


@pytest.fixture
def own_postgresql_server() -> Iterator[PostgresqlServer]:
    """A server that the test may stop."""
    server = PostgresqlServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def shared_redis_server() -> Iterator[RedisServer]:
    """One server for the session: no test stops it."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def redis_server(shared_redis_server: RedisServer) -> RedisServer:
    """The session's server, emptied."""
    shared_redis_server.call("FLUSHALL")
    return shared_redis_server


@pytest.fixture
def own_redis_server() -> Iterator[RedisServer]:
    """A server that the test may kill or stall."""
    server = RedisServer()
    yield server
    server.close()
