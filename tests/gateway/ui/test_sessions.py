"""Tokens of sessions."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fake_clock import FakeClock
from pulumi_groq.gateway.ui.sessions import LIFETIME_S, Sessions
from pulumi_groq.policy.roles import ROOT, AdminIdentity


def test_tokens_differ(clock: FakeClock, make_sessions: Callable[..., Sessions]) -> None:
    """Each sign-in is a session of its own."""
    sessions = make_sessions(clock)
    assert len({sessions.begin(ROOT) for _ in range(100)}) == 100


def test_another_secret_or_admin_key_opens_nothing(
    clock: FakeClock, make_sessions: Callable[..., Sessions]
) -> None:
    """A changed admin key signs everybody out."""
    token = make_sessions(clock).begin(ROOT)
    opened = [
        make_sessions(clock).visitor(token) is not None,
        make_sessions(clock, secret="t" * 32).visitor(token) is not None,
        make_sessions(clock, admin_key="another").visitor(token) is not None,
    ]
    assert opened == [True, False, False]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_token_opens_nothing(
    clock: FakeClock, make_sessions: Callable[..., Sessions], data: st.DataObject
) -> None:
    """Whatever is changed, the time of its end above all."""
    sessions = make_sessions(clock)
    token = sessions.begin(ROOT)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda each: each != token[place]))
    assert sessions.visitor(token[:place] + other + token[place + 1 :]) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=200))
def test_no_text_is_a_token(clock: FakeClock, make_sessions: Callable[..., Sessions], text: str) -> None:
    """Nor does any text break the check, or the sign-out."""
    sessions = make_sessions(clock)
    sessions.end(text)
    assert sessions.visitor(text) is None


def test_what_was_signed_out_is_forgotten_when_it_has_ended(
    clock: FakeClock, make_sessions: Callable[..., Sessions]
) -> None:
    """Signing out for years takes no memory."""
    sessions = make_sessions(clock)
    for _ in range(50):
        sessions.end(sessions.begin(ROOT))
        clock.advance(minutes=30)
    assert len(sessions._signed_out) <= 3


def test_a_session_names_its_visitor(clock: FakeClock, make_sessions: Callable[..., Sessions]) -> None:
    """The actor, and whom an identity's token was issued to."""
    sessions = make_sessions(clock)
    caller = AdminIdentity("idn_1", "viewer", subject="repo:acme/infra:ref:refs/heads/main")
    assert sessions.visitor(sessions.begin(caller)) == (caller.actor_id, caller.subject)


def test_a_session_ends_with_its_credential(clock: FakeClock, make_sessions: Callable[..., Sessions]) -> None:
    """Where that ends before the hour."""
    sessions = make_sessions(clock)
    token = sessions.begin(AdminIdentity("adm_1", "viewer", expires_at=clock.now() + timedelta(minutes=5)))
    clock.advance(minutes=4)
    assert sessions.visitor(token) is not None
    clock.advance(minutes=1)
    assert (sessions.visitor(token), LIFETIME_S > 300) == (None, True)
