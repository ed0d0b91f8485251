"""A watched client is noticed when it leaves, and heard no longer than it is watched."""

import asyncio
from typing import Any

import pytest

from pulumi_groq.gateway.http.asgi import ListenedClient
from pulumi_groq.gateway.inference.exchange import ClientWatch

MORE = {"type": "http.request"}
LEFT = {"type": "http.disconnect"}


async def never() -> None:
    await asyncio.Event().wait()


async def test_a_client_that_leaves_ends_the_bound() -> None:
    """Other messages may come first; once the client has left and the drain is over, the bound ends."""

    async def run() -> bool:
        messages: asyncio.Queue[Any] = asyncio.Queue()
        try:
            async with asyncio.timeout(None) as bound:
                with ClientWatch(ListenedClient(messages.get), bound, 0.0) as watch:
                    for message in (MORE, MORE, LEFT):
                        await asyncio.sleep(0)
                        assert not watch.gone
                        messages.put_nowait(message)
                    await never()
        except TimeoutError:
            return watch.gone
        return False

    assert await run()


async def test_a_client_that_has_left_before_is_noticed() -> None:
    """A message that is there already is heard in the next turn of the loop."""

    async def receive() -> Any:
        return LEFT

    async with asyncio.timeout(None) as bound:
        with ClientWatch(ListenedClient(receive), bound, 60.0) as watch:
            await asyncio.sleep(0)
            assert watch.gone
    answer = not bound.expired()

    assert answer


@pytest.mark.parametrize("before", [True, False])
async def test_what_comes_after_the_watch_is_not_heard(before: bool) -> None:
    """A message that arrives as the watch ends, or later, changes nothing, and the wait is given up."""
    ended: list[str] = []

    async def run() -> bool:
        left = asyncio.Event()

        async def receive() -> Any:
            try:
                await left.wait()
            finally:
                ended.append("given up")
            return LEFT

        async with asyncio.timeout(None) as bound:
            with ClientWatch(ListenedClient(receive), bound, 60.0) as watch:
                await asyncio.sleep(0)
                if before:
                    left.set()
            left.set()
            await asyncio.sleep(0)
            return watch.gone

    assert not await run()
    assert ended == ["given up"]
