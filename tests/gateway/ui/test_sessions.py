"""Tokens of sessions."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_clock import FakeClock
from pulumi_groq.gateway.ui.sign_in import Sessions


def test_tokens_differ(clock: FakeClock, make_sessions: Callable[..., Sessions]) -> None:
    """Each sign-in is a session of its own."""
    sessions = make_sessions(clock)
    assert len({sessions.begin() for _ in range(100)}) == 100


def test_another_secret_or_admin_key_opens_nothing(
    clock: FakeClock, make_sessions: Callable[..., Sessions]
) -> None:
    """A changed admin key signs everybody out."""
    token = make_sessions(clock).begin()
    opened = [
        make_sessions(clock).is_open(token),
        make_sessions(clock, secret="t" * 32).is_open(token),
        make_sessions(clock, admin_key="another").is_open(token),
    ]
    assert opened == [True, False, False]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_token_opens_nothing(
    clock: FakeClock, make_sessions: Callable[..., Sessions], data: st.DataObject
) -> None:
    """Whatever is changed, the time of its end above all."""
    sessions = make_sessions(clock)
    token = sessions.begin()
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda each: each != token[place]))
    assert not sessions.is_open(token[:place] + other + token[place + 1 :])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_no_text_is_a_token(clock: FakeClock, make_sessions: Callable[..., Sessions], text: str) -> None:
    """Nor does any text break the check, or the sign-out."""
    sessions = make_sessions(clock)
    sessions.end(text)
    assert not sessions.is_open(text)


def test_what_was_signed_out_is_forgotten_when_it_has_ended(
    clock: FakeClock, make_sessions: Callable[..., Sessions]
) -> None:
    """Signing out for years takes no memory."""
    sessions = make_sessions(clock)
    for _ in range(50):
        sessions.end(sessions.begin())
        clock.advance(minutes=30)
    assert len(sessions._signed_out) <= 3
