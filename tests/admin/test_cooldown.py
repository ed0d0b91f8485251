"""The pause that all calls share."""

from pulumi_groq.admin.retry import Cooldown


def test_there_is_no_pause_at_first() -> None:
    """Nobody waits before a server has asked for it."""
    assert Cooldown(lambda: 5.0).remaining_s() == 0


def test_pause_runs_out_with_the_clock() -> None:
    """What remains shrinks as time passes, and never below 0."""
    now = [100.0]
    cooldown = Cooldown(lambda: now[0])
    cooldown.hold(10)
    remaining = []
    for now[0] in (100.0, 104.0, 110.0, 111.0):
        remaining.append(cooldown.remaining_s())
    assert remaining == [10.0, 6.0, 0.0, 0.0]


def test_shorter_pause_does_not_end_a_longer_one() -> None:
    """The latest end counts, whichever call it came from."""
    cooldown = Cooldown(lambda: 100.0)
    cooldown.hold(10)
    cooldown.hold(2)
    assert cooldown.remaining_s() == 10.0
