"""Sealed answers end after 24 hours on a gateway that nobody asks for keys."""

import asyncio
from typing import Any

import pytest

from admin_plane import Api
from pulumi_groq.gateway.admin.answer_purge import PERIOD_S, AnswerPurge
from pulumi_groq.gateway.store.errors import StoreUnavailableError
from pulumi_groq.gateway.store.schema import idempotency


class Rounds:
    """A sleep that moves the clock; cancels in the place of one sleep too many."""

    def __init__(self, clock: Any, hours: float) -> None:
        self._clock = clock
        self._left = round(hours * 3600 / PERIOD_S)

    async def __call__(self, seconds: float) -> None:
        if not self._left:
            raise asyncio.CancelledError
        self._left -= 1
        self._clock.advance(seconds=seconds)


def sealed(api: Api) -> int:
    """How many answers the store holds."""
    with api.store.read() as connection:
        rows = connection.execute(idempotency.select()).all()
    assert len(rows) == 1
    return sum(row.sealed_answer is not None for row in rows)


@pytest.mark.parametrize(("hours", "left"), [(23.75, 1), (24, 0)])
def test_an_answer_is_dropped_in_the_round_after_24_hours(api: Api, hours: float, left: int) -> None:
    """Not before: a lost answer may be asked for until then."""
    api.create(idempotency_key="one")
    purge = AnswerPurge(api.store, api.clock, Rounds(api.clock, hours))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(purge.keep_up())

    assert sealed(api) == left


def test_a_store_that_is_down_is_asked_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The purge outlives the store's trouble."""
    api.create(idempotency_key="one")
    purge = AnswerPurge(api.store, api.clock, Rounds(api.clock, 25))
    once, tries = purge.once, 0

    def fails_at_first() -> None:
        nonlocal tries
        tries += 1
        if tries < 100:
            raise StoreUnavailableError("down")
        once()

    monkeypatch.setattr(purge, "once", fails_at_first)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(purge.keep_up())

    assert sealed(api) == 0
