"""A run cut off at any of its requests, in any way: the next run ends with exactly the intended keys."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from in_process_gateway import Cut, Wire
from pulumi_groq.errors import ConflictError, NotFoundError, RotationRefusedError
from rotation_story import MONTHLY, Away, Deaf, Declared

LONG_OVERLAP: Declared = {"rotation": {"every_days": 30, "overlap_hours": 72}}

STEPS: dict[str, tuple[list[tuple[Declared, timedelta]], Declared, int]] = {
    "the first create": ([], MONTHLY, 1),
    "a rotation by age": ([(MONTHLY, timedelta(days=31))], MONTHLY, 2),
    "a rotation by trigger": (
        [({"rotation": {"trigger": "a"}}, timedelta(hours=1))],
        {"rotation": {"trigger": "b"}},
        2,
    ),
    "a retirement": (
        [(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(days=2))],
        MONTHLY,
        1,
    ),
    "a retirement and the next rotation": (
        [(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(days=31))],
        MONTHLY,
        2,
    ),
    "a change of limits in the overlap": (
        [(LONG_OVERLAP, timedelta(days=31)), (LONG_OVERLAP, timedelta(hours=1))],
        {**LONG_OVERLAP, "requests_per_minute": 7},
        2,
    ),
    "a rotation with changed limits": (
        [(MONTHLY, timedelta(days=31))],
        {**MONTHLY, "requests_per_minute": 7},
        2,
    ),
    "an emergency": ([(MONTHLY, timedelta(days=3))], {"rotation": {"emergency_trigger": "leak"}}, 1),
    "an emergency in the overlap": (
        [(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(hours=1))],
        {"rotation": {"emergency_trigger": "leak"}},
        1,
    ),
    "a rotation of a disabled key": (
        [({**MONTHLY, "disabled": True}, timedelta(days=31))],
        {**MONTHLY, "disabled": True},
        2,
    ),
}
"""Runs and the time after each that lead to the step, what is declared for it, and the keys after it."""

TRIGGERED = {value: {"rotation": {"trigger": value}} for value in "abc"}

LATER = {"at once": timedelta(), "after the replay's 24 hours": timedelta(hours=25)}


def requests_of(story: Any, before: list[tuple[Declared, timedelta]], declared: Declared) -> int:
    return len(story(before).up(declared).sent)


@pytest.mark.parametrize("later", LATER.values(), ids=LATER.keys())
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_next_run_finishes(step: Any, cut: Cut, later: timedelta, gateway: Any, story: Any) -> None:
    """Wherever the run was cut off, the next one ends with the keys, limits and value that were meant."""
    before, declared, keys = step
    for at in range(1, requests_of(story, before, declared) + 1):
        interrupted = story(before)
        if interrupted.is_cut_off(declared, cut, at):
            gateway.advance(later)
        interrupted.up(declared)
        interrupted.holds_what_is_live()
        live = interrupted.live().values()
        assert len(live) == keys, f"cut at request {at}"
        assert {key.requests_per_minute for key in live} == {declared.get("requests_per_minute", 500)}
        assert {key.status for key in live} == {"disabled" if declared.get("disabled") else "active"}
        assert interrupted.up(declared).writes == []


AFTERWARDS: dict[str, Declared] = {
    "other limits": {**MONTHLY, "requests_per_minute": 9},
    "no rotation any more": {},
    "a rotation without period": {"rotation": {}},
}


@pytest.mark.parametrize("afterwards", AFTERWARDS.values(), ids=AFTERWARDS.keys())
@pytest.mark.parametrize("cut", Cut)
def test_change_of_mind_after_a_cut(afterwards: Declared, cut: Cut, gateway: Any, story: Any) -> None:
    """What is declared differently after a rotation was cut off holds, and no key is left behind."""
    before = [(MONTHLY, timedelta(days=31))]
    for at in range(1, requests_of(story, before, MONTHLY) + 1):
        interrupted = story(before)
        interrupted.is_cut_off(MONTHLY, cut, at)
        interrupted.up(afterwards)
        interrupted.holds_what_is_live()
        wanted = afterwards.get("requests_per_minute", 500)
        assert {key.requests_per_minute for key in interrupted.live().values()} == {wanted}
        assert interrupted.up(afterwards).writes == []
        gateway.advance(timedelta(days=2))
        interrupted.up(afterwards)
        assert set(interrupted.live()) == {interrupted.engine.state.key_id}


@pytest.mark.parametrize("cut", Cut)
def test_destroy_after_a_cut_leaves_nothing(cut: Cut, story: Any) -> None:
    """A key that a rotation left behind is deleted with the key that the state names."""
    before = [(MONTHLY, timedelta(days=31))]
    for at in range(1, requests_of(story, before, MONTHLY) + 1):
        interrupted = story(before)
        interrupted.is_cut_off(MONTHLY, cut, at)
        interrupted.engine.destroy(Wire(interrupted.gateway))
        assert interrupted.live() == {}


def test_traffic_between_plan_and_retirement_keeps_the_key(gateway: Any, story: Any) -> None:
    """A predecessor that serves a request while the run is under way is kept, and the run succeeds."""

    class Late(Wire):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE":
                assert gateway.chat(first) == 200
            return super().handle_request(request)

    rotated = story([(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(days=31))])
    first = next(iter(rotated.values))
    rotated.up(MONTHLY, Late(gateway))
    assert len(rotated.live()) == 2
    rotated.holds_what_is_live()
    assert any("kept after all" in line for line in rotated.engine.told)


@pytest.mark.parametrize("newest_in_use", [True, False])
def test_refused_destroy_deletes_neither_key(newest_in_use: bool, gateway: Any, story: Any) -> None:
    """While one key of two is in use, a destroy is refused before it deletes the other."""
    rotated = story([(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(hours=1))])
    before = rotated.live()
    assert gateway.chat(list(rotated.values)[newest_in_use]) == 200
    with pytest.raises(ConflictError, match="allow_delete_in_use"):
        rotated.engine.destroy(Wire(gateway))
    assert rotated.live().keys() == before.keys()


def test_trigger_is_not_taken_for_acted_on_when_the_look_at_the_lineage_failed(
    gateway: Any, story: Any
) -> None:
    """A refused trigger is refused too where the diff got no answer, so that it is acted on later."""
    rotated = story([(TRIGGERED["a"], timedelta(days=1)), (TRIGGERED["b"], timedelta(hours=1))])
    unseen = rotated.up(TRIGGERED["b"]).sent  # the check's and the diff's look are one request
    assert unseen == ["GET"]
    with pytest.raises(RotationRefusedError, match="a rotation opens at"):
        rotated.up(TRIGGERED["c"], Deaf(gateway, looks=2))
    gateway.advance(timedelta(days=2))
    assert rotated.up(TRIGGERED["c"]).writes == ["DELETE", "POST"]


def test_successor_of_a_key_deleted_elsewhere_is_not_taken_for_another_loss(story: Any) -> None:
    """A key minted for one that was deleted elsewhere counts as its successor when its answer was lost."""
    for at in range(1, 9):
        rotated = story([(MONTHLY, timedelta(days=31)), (MONTHLY, timedelta(hours=1))])
        first, second = rotated.live()
        Wire(rotated.gateway).client().delete_key(second)
        rotated.is_cut_off(MONTHLY, Cut.AFTER, at)
        rotated.up(MONTHLY)
        rotated.holds_what_is_live()
        assert first in rotated.live(), f"cut at request {at}"


def test_refresh_after_a_cut_takes_no_successor_for_a_predecessor(story: Any) -> None:
    """A key whose value never reached the state is not shown as the previous one."""
    interrupted = story([(MONTHLY, timedelta(days=31))])
    interrupted.is_cut_off(MONTHLY, Cut.AFTER, 3)
    assert len(interrupted.live()) == 2
    interrupted.engine.refresh(Wire(interrupted.gateway))
    assert interrupted.engine.state.previous_key_id is None
    interrupted.up(MONTHLY)
    interrupted.holds_what_is_live()


def test_change_of_a_key_deleted_elsewhere_asks_for_a_refresh(story: Any) -> None:
    """Where nothing asked for a look at the gateway, the error says what brings the state up to date."""
    plain = story([({}, timedelta(days=1))])
    Wire(plain.gateway).client().delete_key(plain.engine.state.key_id)
    with pytest.raises(NotFoundError, match="run `pulumi refresh`, then this again"):
        plain.up({"requests_per_minute": 7})


def test_what_the_preview_has_shown_is_told_once(story: Any) -> None:
    """The reason is in the inputs of the check; the run tells it as it acts, and nobody before that."""
    rotated = story([(MONTHLY, timedelta(days=31))])
    rotated.engine.told.clear()
    rotated.up(MONTHLY)
    (told,) = rotated.engine.told
    assert "rotat" in told


@pytest.mark.parametrize("without", [Deaf, Away])
def test_what_the_check_could_not_look_up_is_told_before_the_run(
    without: Callable[..., Wire], story: Any
) -> None:
    """A preview without an answer shows nothing; the diff after it tells what is due, and the run does it."""
    rotated = story([(MONTHLY, timedelta(days=31))])
    rotated.engine.told.clear()
    rotated.up(MONTHLY, without(rotated.gateway, looks=1))
    unseen, due, done = rotated.engine.told
    assert "rotation not checked" in unseen
    assert due == done
