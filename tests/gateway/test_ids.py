"""Ids sort by time and never meet."""

import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

import pytest

from pulumi_groq.gateway.clock import ObjectIds
from pulumi_groq.gateway.protocols import Clock

START = datetime(2026, 11, 23, tzinfo=UTC)


class StillClock(Clock):
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


@pytest.mark.parametrize("prefix", ["key", "req"])
def test_an_id_has_groqs_form(prefix: Literal["key", "req"]) -> None:
    """Prefix, _01, 24 characters without i, l, o, u."""
    made = ObjectIds(StillClock(), Random(1)).new(prefix)  # noqa: S311 (a test that repeats)
    assert re.fullmatch(rf"{prefix}_01[0-9a-hjkmnp-tv-z]{{24}}", made)


@pytest.mark.parametrize("step", [{"milliseconds": 1}, {"days": 365}, {"days": 365 * 900}])
def test_later_ids_sort_later(step: dict[str, float]) -> None:
    """By the millisecond, for a thousand years."""
    clock = StillClock()
    ids = ObjectIds(clock, Random(1))  # noqa: S311 (a test that repeats)
    earlier = ids.new("key")
    clock.time += timedelta(**step)
    assert earlier < ids.new("key")


def test_an_id_tells_its_time() -> None:
    """The first nine characters are the milliseconds since 1970 in base 32, highest first."""
    made = ObjectIds(StillClock(), Random(1)).new("req")  # noqa: S311 (a test that repeats)
    ms = 0
    for character in made[6:15]:
        ms = ms * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    assert ms == START.timestamp() * 1000


def test_all_characters_occur() -> None:
    """Each random character is one of all 32."""
    ids = ObjectIds(StillClock(), Random(1))  # noqa: S311 (a test that repeats)
    made = [ids.new("req")[15:] for _ in range(1_000)]
    assert all(len(set(characters)) == 32 for characters in zip(*made, strict=True))


def test_ids_of_one_moment_differ() -> None:
    """75 random bits tell them apart."""
    ids = ObjectIds(StillClock(), Random(1))  # noqa: S311 (a test that repeats)
    assert len({ids.new("key") for _ in range(1_000)}) == 1_000
