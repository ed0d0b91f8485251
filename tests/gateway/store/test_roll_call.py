"""A question to all gateways on a database: who has done what was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Engine

from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.notifications import Notifications
from pulumi_groq.gateway.store.roll_call import RollCall
from pulumi_groq.gateway.store.schema import metadata
from spending_replica import TABLES, engine_on, joined

CHANNEL = "roll_call_of_the_tests"
LONG_S = 60.0

Do = Callable[[Collection[str] | None], Awaitable[None]]


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    """A database without gateways."""
    made = engine_on(postgresql_url)
    metadata.create_all(made, tables=TABLES)
    yield made
    made.dispose()


@asynccontextmanager
async def gateway(engine: Engine, name: str, do: Do, wait_s: float = LONG_S) -> AsyncIterator[RollCall]:
    """One that is there, and does what it is asked."""
    with engine.begin() as connection:
        holder = joined(connection, name)
    calls, notifications = RollCall(engine, holder, CHANNEL, wait_s), Notifications(engine)
    calls.answer(notifications, do)
    async with notifications.listening():
        yield calls


class Doing:
    """Notes what was asked; may wait, and may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[Collection[str] | None] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._failure = failure

    async def __call__(self, subject: Collection[str] | None) -> None:
        await self.may_end.wait()
        if self._failure is not None:
            raise self._failure
        self.asked.append(subject)


async def test_who_asks_hears_of_all_others_that_have_done_it(engine: Engine) -> None:
    """Not of itself; each has done it before it is named."""
    first, second, third = Doing(), Doing(), Doing()
    async with (
        gateway(engine, "first", first) as asking,
        gateway(engine, "second", second),
        gateway(engine, "third", third),
    ):
        assert {*await asking.ask(["b", "a"])} == {"second", "third"}
        assert (first.asked, second.asked, third.asked) == ([], [["a", "b"]], [["a", "b"]])


async def test_who_fails_or_does_not_answer_is_not_named(engine: Engine) -> None:
    """After a bounded wait; what was asked for may still be done."""
    failing, slow, good = Doing(StoreUnavailableError("out")), Doing(), Doing()
    slow.may_end.clear()
    async with (
        gateway(engine, "asking", Doing(), wait_s=0.05) as asking,
        gateway(engine, "failing", failing),
        gateway(engine, "slow", slow),
        gateway(engine, "good", good),
    ):
        named = await asking.ask()
        assert "failing" not in named
        assert "slow" not in named
        slow.may_end.set()


async def test_questions_that_are_asked_at_a_time_are_answered_each(engine: Engine) -> None:
    """Two deletes at one gateway, and one at the other."""
    async with gateway(engine, "one", Doing()) as one, gateway(engine, "other", Doing()) as other:
        named = await asyncio.gather(one.ask(["a"]), one.ask(["b"]), other.ask(["c"]))
    assert [list(each) for each in named] == [["other"], ["other"], ["one"]]


async def test_nobody_waits_where_nobody_else_is(engine: Engine) -> None:
    """One gateway on PostgreSQL."""
    async with gateway(engine, "alone", Doing()) as alone:
        assert list(await alone.ask()) == []


async def test_a_subject_that_is_too_long_is_everything(engine: Engine) -> None:
    """PostgreSQL takes no payload of 8,000 bytes."""
    other = Doing()
    async with gateway(engine, "one", Doing()) as one, gateway(engine, "other", other):
        assert list(await one.ask([f"account-{number}" for number in range(1_000)])) == ["other"]
    assert other.asked == [None]
