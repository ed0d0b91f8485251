"""A whole gateway whose rates are counted in Redis: what clients, `/readyz`, `/metrics` and the log say."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from counters_on_redis import until
from in_process_gateway import ADMIN_KEY, MODEL, StandingClock, serving
from pulumi_groq.gateway.clock import MovableClock
from pulumi_groq.gateway.settings import Settings
from pulumi_groq.gateway.store.store import open_store
from redis_server import RedisServer

LIMIT = 8


class Client:
    """Asks a gateway."""

    def __init__(self, app: Any) -> None:
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")
        self._key = ""

    async def create_key(self) -> None:
        """With a limit of `LIMIT` requests a day, one at once, and of tokens that no test meets."""
        body = {
            "name": "chatbot",
            "allowed_models": [MODEL],
            "requests_per_day": LIMIT,
            "max_parallel_requests": 1,
            "tokens_per_minute": 100_000,
        }
        answer = await self._http.post(
            "/openai/v1/api-keys", json=body, headers={"authorization": f"Bearer {ADMIN_KEY}"}
        )
        assert answer.status_code == 201, answer.text
        self._key = answer.json()["api_key"]

    async def chat(self) -> httpx.Response:
        """One request with the key."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 1}
        headers = {"authorization": f"Bearer {self._key}"}
        return await self._http.post("/openai/v1/chat/completions", json=body, headers=headers)

    async def readyz(self) -> tuple[int, Any]:
        """Status and body."""
        answer = await self._http.get("/readyz")
        return answer.status_code, answer.json()

    async def metrics(self) -> str:
        """All of them."""
        return (await self._http.get("/metrics")).text


@asynccontextmanager
async def gateway(folder: Path, url: str, when_down: Any = "local-share") -> AsyncIterator[Client]:
    """A gateway on a store of its own with a key."""
    store_url = f"sqlite:///{folder / 'gateway.db'}"
    settings = Settings(
        admin_key=ADMIN_KEY, store_url=store_url, counters_url=url, when_counters_are_down=when_down
    )
    store = open_store(store_url)
    async with serving(settings, store, MovableClock(StandingClock())) as app:
        client = Client(app)
        await client.create_key()
        yield client
    store.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of the counters."""
    return [each.getMessage() for each in caplog.records if each.getMessage().startswith("counters: ")]


async def becomes(client: Client, is_so: Callable[[int, Any], bool]) -> Any:
    """The body of `/readyz` once it is so."""
    while not is_so(*(await client.readyz())):
        await until(lambda: True)
    return (await client.readyz())[1]


async def test_a_gateway_counts_in_redis_and_goes_on_without_it(
    tmp_path: Path, own_redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays ready, says so, and passes no more than the limit in all; then it counts there again."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    async with gateway(tmp_path, own_redis_server.url) as client:
        first = await client.chat()
        assert "rpd" in own_redis_server.call("KEYS", "*")
        await until(lambda: "running" not in own_redis_server.call("KEYS", "*"))
        own_redis_server.kill()
        down = await becomes(client, lambda _, body: "degraded" in body)
        statuses = [(await client.chat()).status_code for _ in range(3)]
        metrics = await client.metrics()
        own_redis_server.start()
        up = await becomes(client, lambda _, body: "degraded" not in body)
        statuses += [(await client.chat()).status_code for _ in range(LIMIT)]

    assert (first.status_code, first.headers["x-ratelimit-remaining-requests"]) == (200, str(LIMIT - 1))
    assert down["status"] == up["status"] == "ok"
    assert "held by each replica" in down["degraded"]["counters"]
    assert (statuses.count(200), statuses.count(429)) == (LIMIT - 1, 4)
    assert 'pulumi_groq_decisions_without_counters_total{how="local-share"} 3.0' in metrics
    assert [each.endswith("works again") for each in lines(caplog)] == [False, True]


async def test_a_gateway_that_denies_is_not_ready(tmp_path: Path, own_redis_server: RedisServer) -> None:
    """503 to clients with a time to come back, and to the load balancer with the reason."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    async with gateway(tmp_path, own_redis_server.url, "deny") as client:
        own_redis_server.kill()
        failing = await becomes(client, lambda status, _: status == 503)
        denied = await client.chat()
        own_redis_server.start()
        await becomes(client, lambda status, _: status == 200)
        again = await client.chat()

    assert list(failing["failing"]) == ["counters"]
    assert (denied.status_code, denied.json()["error"]["code"]) == (503, "counters_unavailable")
    assert denied.headers["retry-after"] == "1"
    assert again.status_code == 200
