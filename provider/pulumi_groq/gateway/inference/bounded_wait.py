"""A time limit that costs nothing where nothing has to be waited for, which is the usual case."""

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(limit_s: float, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. Raises `TimeoutError` when it waits for longer than `limit_s` in all."""
    try:
        awaited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(limit_s):
        return await _resumed(work, awaited)


@coroutine
def _resumed(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, None, T]:
    """Goes on with `work`, which waits for `awaited`."""
    while True:
        try:
            try:
                yield awaited
            except BaseException as failure:  # noqa: BLE001  it is the work's to deal with, a cancellation too
                awaited = work.throw(failure)
            else:
                awaited = work.send(None)
        except StopIteration as done:
            result: T = done.value
            return result
