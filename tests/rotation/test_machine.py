"""The rotation machine as a table: schedule, state, live keys and time in, plan out."""

from datetime import UTC, datetime, timedelta

import pytest

from pulumi_groq.models.rotation import FreezeWindow, RotationSchedule
from pulumi_groq.rotation.machine import (
    Action,
    Held,
    LiveKey,
    RotationPlan,
    next_rotation_at,
    plan,
    retire_after,
)

BORN = datetime(2026, 1, 1, tzinfo=UTC)


def schedule(**fields: object) -> RotationSchedule:
    return RotationSchedule.model_validate({"every_days": 30, **fields})


def key(generation: int, *, born_days: float = 0, used_days: float | None = None) -> LiveKey:
    used = None if used_days is None else BORN + timedelta(days=used_days)
    return LiveKey(
        f"key_{generation}", generation, f"aab{generation}", BORN + timedelta(days=born_days), used
    )


def held(generation: int, **fields: object) -> Held:
    values: dict[str, object] = {
        "key_id": f"key_{generation}",
        "generation": generation,
        "has_value": True,
        "delivered_at": None,
        "trigger": None,
        "emergency_trigger": None,
    }
    return Held(**{**values, **fields})  # type: ignore[arg-type]


def on_day(days: float) -> datetime:
    return BORN + timedelta(days=days)


def actions(planned: RotationPlan) -> list[tuple[Action, str | None]]:
    return [(step.action, step.key_id) for step in planned.steps]


FROZEN = [FreezeWindow(start=on_day(30), end=on_day(40))]

TABLE = [
    ("nothing is due on a young key", schedule(), held(1), [key(1)], 29.9, []),
    ("a key as old as the limit is rotated", schedule(), held(1), [key(1)], 30, [(Action.MINT, "key_1")]),
    ("without a period age means nothing", schedule(every_days=None), held(1), [key(1)], 900, []),
    (
        "a changed trigger rotates",
        schedule(trigger="b"),
        held(1, trigger="a"),
        [key(1)],
        1,
        [(Action.MINT, "key_1")],
    ),
    ("a trigger acted on rests", schedule(trigger="a"), held(1, trigger="a"), [key(1)], 1, []),
    ("a trigger taken away rests", schedule(), held(1, trigger="a"), [key(1)], 1, []),
    (
        "a key without a value is rotated",
        schedule(),
        held(1, has_value=False),
        [key(1)],
        1,
        [(Action.MINT, "key_1")],
    ),
    ("inside the overlap nothing is retired", schedule(), held(2), [key(1), key(2, born_days=30)], 30.9, []),
    (
        "an unused predecessor is retired after the overlap",
        schedule(),
        held(2),
        [key(1), key(2, born_days=30)],
        31,
        [(Action.RETIRE, "key_1")],
    ),
    (
        "a predecessor in use is kept",
        schedule(),
        held(2),
        [key(1, used_days=30.5), key(2, born_days=30)],
        31.4,
        [],
    ),
    (
        "a quiet predecessor is retired",
        schedule(),
        held(2),
        [key(1, used_days=30.5), key(2, born_days=30)],
        31.5,
        [(Action.RETIRE, "key_1")],
    ),
    (
        "a value that came late postpones the retirement",
        schedule(),
        held(2, delivered_at=on_day(31)),
        [key(1), key(2, born_days=30)],
        31.9,
        [],
    ),
    (
        "a due rotation follows a due retirement in one run",
        schedule(),
        held(2),
        [key(1), key(2, born_days=30)],
        60,
        [(Action.RETIRE, "key_1"), (Action.MINT, "key_2")],
    ),
    (
        "a due rotation waits for a predecessor in use",
        schedule(),
        held(2),
        [key(1, used_days=59.9), key(2, born_days=30)],
        60,
        [],
    ),
    (
        "a key whose value was lost is taken over",
        schedule(),
        held(1),
        [key(1), key(2, born_days=30)],
        30,
        [(Action.MINT, "key_1")],
    ),
    (
        "a lost key alone is succeeded",
        schedule(),
        held(1),
        [key(2, born_days=30)],
        30,
        [(Action.MINT, "key_2")],
    ),
    (
        "a live key deleted elsewhere is succeeded",
        schedule(),
        held(2),
        [key(1)],
        1,
        [(Action.MINT, "key_1")],
    ),
    ("a lineage deleted elsewhere starts anew", schedule(), held(2), [], 1, [(Action.MINT, None)]),
    (
        "an emergency rotates and revokes",
        schedule(emergency_trigger="leak"),
        held(1),
        [key(1, used_days=1)],
        1,
        [(Action.MINT, "key_1"), (Action.REVOKE, "key_1")],
    ),
    (
        "an emergency inside the overlap makes room first",
        schedule(emergency_trigger="leak"),
        held(2),
        [key(1, used_days=31), key(2, born_days=30)],
        31,
        [(Action.REVOKE, "key_1"), (Action.MINT, "key_2"), (Action.REVOKE, "key_2")],
    ),
    (
        "a successor with the generation of a lost key is taken over",
        schedule(),
        held(2, key_id="key_2_deleted"),
        [key(1), key(2, born_days=30)],
        30,
        [(Action.MINT, "key_1")],
    ),
    (
        "an emergency cut off after everything but the save leaves one key",
        schedule(emergency_trigger="leak"),
        held(1),
        [key(2, born_days=30)],
        30,
        [(Action.MINT, "key_2"), (Action.REVOKE, "key_2")],
    ),
    (
        "a predecessor that is gone is forgotten",
        schedule(),
        held(2, previous_key_id="key_1"),
        [key(2, born_days=30)],
        31,
        [(Action.FORGET, "key_1")],
    ),
    (
        "an emergency cut off after the create is finished",
        schedule(emergency_trigger="leak"),
        held(1),
        [key(1), key(2, born_days=30)],
        30,
        [(Action.MINT, "key_1"), (Action.REVOKE, "key_1")],
    ),
    ("a freeze window postpones rotation", schedule(freeze_windows=FROZEN), held(1), [key(1)], 35, []),
    (
        "a freeze window's end is outside it",
        schedule(freeze_windows=FROZEN),
        held(1),
        [key(1)],
        40,
        [(Action.MINT, "key_1")],
    ),
    (
        "a freeze window postpones retirement",
        schedule(freeze_windows=FROZEN),
        held(2),
        [key(1), key(2, born_days=20)],
        35,
        [],
    ),
    (
        "an emergency breaks a freeze",
        schedule(freeze_windows=FROZEN, emergency_trigger="leak"),
        held(1),
        [key(1)],
        35,
        [(Action.MINT, "key_1"), (Action.REVOKE, "key_1")],
    ),
]


@pytest.mark.parametrize(
    ("declared", "state", "live", "day", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_plan(
    declared: RotationSchedule, state: Held, live: list[LiveKey], day: float, expected: list[object]
) -> None:
    """The plan holds just the steps that the row's name says."""
    assert expected == actions(plan(declared, state, live, on_day(day)))


def test_reason_of_a_rotation_names_age_and_limit() -> None:
    """The reason of a scheduled rotation is in words with numbers."""
    assert (
        plan(schedule(), held(1), [key(1)], on_day(31.5)).steps[0].reason == "rotate: 31 days old, limit 30"
    )


def test_reason_of_a_retirement_names_the_quiet_hours() -> None:
    """The reason of a retirement names the key by its last four and how long it has been quiet."""
    planned = plan(
        schedule(), held(2), [key(1, used_days=30), key(2, born_days=30)], on_day(31) + timedelta(hours=2)
    )
    assert planned.steps[0].reason == "retire key …aab1: quiet for 26 h"


def test_trigger_inside_the_overlap_is_refused_with_the_time_it_opens() -> None:
    """A rotation asked for while the predecessor works is refused with the time it opens."""
    planned = plan(
        schedule(trigger="b"), held(2), [key(1, used_days=30.2), key(2, born_days=30)], on_day(30.3)
    )
    assert planned.steps == ()
    assert planned.refusal is not None
    assert (
        "2026-02-01 04:48 UTC" in planned.refusal
    )  # last use plus 24 quiet hours, later than the overlap's end


def test_trigger_inside_a_freeze_is_refused_with_its_end() -> None:
    """A rotation asked for inside a freeze window is refused, and the refusal says when the window ends."""
    planned = plan(schedule(trigger="b", freeze_windows=FROZEN), held(1), [key(1)], on_day(31))
    assert planned.refusal is not None
    assert "2026-02-10 00:00 UTC" in planned.refusal


def test_predecessor_in_use_is_named_with_its_last_use() -> None:
    """A run that keeps a predecessor says which key it is and when it was last used."""
    planned = plan(schedule(), held(2), [key(1, used_days=31), key(2, born_days=30)], on_day(31.5))
    assert planned.kept == "key_1"
    assert "…aab1" in planned.warnings[0]
    assert "2026-02-01 00:00 UTC" in planned.warnings[0]


def test_next_rotation_moves_to_the_end_of_touching_freezes() -> None:
    """Freeze windows that touch count as one when the next rotation is foretold."""
    windows = [FreezeWindow(start=on_day(40), end=on_day(50)), *FROZEN]
    assert next_rotation_at(schedule(freeze_windows=windows), key(1)) == on_day(50)


def test_no_period_foretells_no_rotation() -> None:
    """Without a period no next rotation is known."""
    assert next_rotation_at(schedule(every_days=None), key(1)) is None


def test_overlap_counts_from_a_late_delivery() -> None:
    """The overlap counts from the later of the key's creation and the arrival of its value."""
    assert retire_after(schedule(), key(2, born_days=30), on_day(31)) == on_day(32)
