"""A time limit that costs nothing if nothing has to be waited for, which is the usual case."""

import asyncio
from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(limit_s: float, work: Awaitable[T]) -> T:
    """What `work` returns. Raises `TimeoutError` if it waits for more than `limit_s` in all."""
    steps = work.__await__()
    try:
        awaited = steps.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(limit_s):
        return await _resumed(steps, awaited)


@coroutine
def _resumed(steps: Generator[Any, Any, T], awaited: Any) -> Generator[Any, None, T]:
    """Goes on with a coroutine that waits for `awaited`."""
    while True:
        try:
            try:
                yield awaited
            except BaseException as failure:  # noqa: BLE001  it is the work's to deal with, a cancellation too
                awaited = steps.throw(failure)
            else:
                awaited = steps.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
