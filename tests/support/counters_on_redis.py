"""Counters on a real Redis server, as an assembled gateway has them, without the gateway."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pulumi_groq.gateway.counters.errors import CountersUnavailableError
from pulumi_groq.gateway.counters.protocol import WhenDown
from pulumi_groq.gateway.counters.redis import RedisCounters
from pulumi_groq.gateway.counters.redis_address import parse_redis_url
from pulumi_groq.gateway.counters.redis_script import SCRIPT
from pulumi_groq.gateway.counters.redis_servers import RedisServers

ROUND_S = 0.02
PATIENCE_S = 60.0


async def until(is_so: Callable[[], bool], seen: Callable[[], object] = lambda: "") -> None:
    """Wait for a change that comes from outside, such as a process that ends. Raises `AssertionError` with
    what is `seen` instead.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():  # noqa: ASYNC110  another process changes it
                await asyncio.sleep(ROUND_S)
    except TimeoutError:
        raise AssertionError(f"it did not come within {PATIENCE_S:g} s: {seen()}") from None


@dataclass
class Told:
    """Writes down what the counters tell."""

    changes: list[str] = field(default_factory=list)
    decided: int = 0

    def counters_down(self, failure: CountersUnavailableError) -> None:
        if not self.changes or self.changes[-1] == "up":
            self.changes.append(f"down: {failure}")

    def counters_up(self) -> None:
        if not self.changes or self.changes[-1] != "up":
            self.changes.append("up")

    def decided_without_counters(self, how: WhenDown) -> None:
        self.decided += 1

    async def until(self, is_so: Callable[["Told"], bool]) -> None:
        """Wait for a change that is told."""
        await until(lambda: is_so(self), lambda: self.changes)

    @property
    def is_down(self) -> bool:
        return self.changes[-1:] != ["up"]


@asynccontextmanager
async def redis_counters(
    url: str,
    told: Told | None = None,
    *,
    when_down: WhenDown = "local-share",
    live_replicas: Callable[[], int] = lambda: 1,
    uses_server_time: bool = True,
    deadline_s: float = PATIENCE_S,
) -> AsyncIterator[RedisCounters]:
    """Connected counters whose connections are looked after until the end. A long deadline, because the
    machine may be busy, unless the test is about it.
    """
    events = told or Told()
    servers = RedisServers(parse_redis_url(url), SCRIPT, events, deadline_s=deadline_s)
    counters = RedisCounters(
        servers, events, when_down=when_down, live_replicas=live_replicas, uses_server_time=uses_server_time
    )

    async def keep() -> None:
        while True:
            # On the caller's time it is the caller who renews what runs.
            await (counters.keep() if uses_server_time else servers.keep())
            await asyncio.sleep(ROUND_S)

    keeping = asyncio.create_task(keep())
    try:
        await events.until(lambda told: not told.is_down)
        yield counters
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        servers.close()
