"""The Redis servers that tests are given."""

import pytest

import redis_server as servers
from redis_server import RedisServer


def test_a_server_that_was_killed_comes_back_empty(own_redis_server: RedisServer) -> None:
    """On the port that it had."""
    own_redis_server.call("SET", "mine", "1")
    own_redis_server.kill()
    own_redis_server.start()

    assert own_redis_server.call("GET", "mine") == "$-1\r\n"


def test_what_one_test_writes_another_does_not_see(redis_server: RedisServer) -> None:
    """It is empty at the beginning of each."""
    assert redis_server.call("DBSIZE") == ":0\r\n"
    redis_server.call("SET", "mine", "1")


def test_a_missing_server_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never skips: what is to be tried would not have been."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AssertionError, match="make test-services"):
        servers.binary()
