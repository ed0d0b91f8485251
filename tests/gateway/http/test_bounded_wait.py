"""A bounded wait gives what its work gives, ends it in time, and hands cancellations on."""

import asyncio

import pytest

from pulumi_groq.gateway.http.asgi import within


async def test_work_that_need_not_wait_is_done_at_once() -> None:
    """Its result comes back, whatever the limit."""

    async def work() -> int:
        return 7

    assert await within(0, work()) == 7


async def test_work_that_waits_goes_on_where_it_was() -> None:
    """Several waits in a row, each with its result."""

    async def work() -> list[int]:
        return [await asyncio.sleep(0, 1), await asyncio.sleep(0, 2), await asyncio.sleep(0.001, 3)]

    assert await within(60, work()) == [1, 2, 3]


async def test_the_limit_ends_work() -> None:
    """Work that waits for longer is cancelled and may clean up."""
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    with pytest.raises(TimeoutError):
        await within(0.01, work())
    assert ended == ["cleaned up"]


async def test_work_may_catch_what_it_waits_for() -> None:
    """A failure of what is awaited is raised inside the work."""

    async def work() -> str:
        failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(failing.set_exception, ConnectionError())
        try:
            await failing
        except ConnectionError:
            return await asyncio.sleep(0, "caught")
        return "nothing raised"

    assert await within(60, work()) == "caught"
