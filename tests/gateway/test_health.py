"""What fails is told once and tried again; nothing that runs in the background ends for good."""

import asyncio
import logging

import pytest

from pulumi_groq.gateway import health as health_module
from pulumi_groq.gateway.health import LOGGED_AGAIN_AFTER_S, Background, Health
from pulumi_groq.gateway.store.errors import StoreUnavailableError


class Counted:
    """Counts failures by part."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def part_failed(self, part: str) -> None:
        self.parts.append(part)


class Times:
    """A clock that is told the time."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def fail(health: Health, failure: Exception) -> None:
    with health.watched("ledger"):
        raise failure


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (StoreUnavailableError("database is locked"), "database is locked"),
        (OSError(28, "No space left on device", "/secret/path"), "No space left on device"),
        (OverflowError("18446744073709551615"), "OverflowError"),
        (ValueError("value of a user"), "ValueError"),
    ],
)
def test_a_failure_is_held_with_a_reason_that_anybody_may_read(failure: Exception, reason: str) -> None:
    """No path and no value: `/readyz` needs no key."""
    events = Counted()
    health = Health(events)
    fail(health, failure)

    assert health.failing == {"ledger": reason}
    assert events.parts == ["ledger"]


def test_what_works_again_fails_no_more() -> None:
    """And only that part."""
    health = Health(Counted())
    fail(health, ValueError())
    health.failed("journal", ValueError())
    with health.watched("ledger"):
        pass

    assert list(health.failing) == ["journal"]


def test_a_failure_that_goes_on_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Four rounds a second for a night would fill the disk that is full already."""
    times = Times()
    health = Health(Counted(), times)
    for _ in range(100):
        fail(health, StoreUnavailableError("disk full"))
    assert len(caplog.records) == 1
    times.now_s = LOGGED_AGAIN_AFTER_S
    fail(health, StoreUnavailableError("disk full"))
    assert len(caplog.records) == 2
    fail(health, StoreUnavailableError("locked"))
    assert len(caplog.records) == 3
    health.works("ledger")
    assert len(caplog.records) == 4
    fail(health, StoreUnavailableError("locked"))
    assert len(caplog.records) == 5


def test_only_what_nobody_foresaw_has_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk is no bug."""
    health = Health(Counted())
    fail(health, StoreUnavailableError("disk full"))
    fail(health, KeyError("x"))

    assert [record.exc_info is not None for record in caplog.records] == [False, True]
    assert all(record.levelno == logging.ERROR for record in caplog.records)


async def test_a_round_that_raises_is_done_again() -> None:
    """Whatever it raises, the next one comes."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health_module, "BEGUN_AGAIN_AFTER_S", 0.001)
        health = Health(Counted())
        background = Background(health)
        done = asyncio.Event()
        failures = iter([OverflowError(), asyncio.CancelledError(), ExceptionGroup("g", [ValueError()])])
        seen: list[bool] = []

        async def work() -> None:
            seen.append("upkeep" in health.failing)
            failure = next(failures, None)
            if failure is None:
                done.set()
            else:
                raise failure

        background.every(0.001, "upkeep", work)
        async with asyncio.timeout(60):
            await done.wait()
        await background.stop()
        assert seen == [False, True, True, True]
        assert health.failing == {}


async def test_a_task_that_is_cancelled_from_outside_is_begun_again() -> None:
    """For any reason that its task ends: the part fails, and goes on."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health_module, "BEGUN_AGAIN_AFTER_S", 0.001)
        health = Health(Counted())
        background = Background(health)
        rounds = asyncio.Queue[int]()
        numbers = iter(range(100))

        async def work() -> None:
            rounds.put_nowait(next(numbers))

        background.every(3600, "upkeep", work)
        async with asyncio.timeout(60):
            assert await rounds.get() == 0
            (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "upkeep"]
            task.cancel()
            await asyncio.wait([task])
            await asyncio.sleep(0)
            assert list(health.failing) == ["upkeep"]
            assert await rounds.get() == 1
        assert health.failing == {}
        await background.stop()


async def test_stopping_waits_for_the_round_under_way() -> None:
    """A write that has begun comes to its end; jobs are broken off; nothing begins again."""
    before = asyncio.all_tasks()
    background = Background(Health(Counted()))
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        ended.append("round")

    async def job() -> None:
        await asyncio.Event().wait()

    background.every(0.001, "upkeep", work)
    background.once("deliveries", job())
    await begun.wait()
    asyncio.get_running_loop().call_soon(go_on.set)
    await background.stop()

    assert ended == ["round"]
    assert asyncio.all_tasks() == before


async def test_a_job_that_fails_is_told_and_keeps_nobody_from_serving(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is not tried again, so nothing would ever say that it works."""
    events = Counted()
    health = Health(events)
    background = Background(health)

    async def bad() -> None:
        raise ValueError

    background.once("deliveries", bad())
    await background.finish_jobs()
    assert (health.failing, events.parts) == ({}, ["deliveries"])
    assert [record.message for record in caplog.records] == ["deliveries: ValueError"]
