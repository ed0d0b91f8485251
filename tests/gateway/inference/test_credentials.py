"""Who may enter: live gateway keys only."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

CHAT = b'{"model":"openai/gpt-oss-20b","messages":[{"role":"user","content":"hi"}]}'
CONSTANT = b'{"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}}'
OTHER = "pgq_" + "B" * 48


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {OTHER}",
        f"Basic {OTHER}",
        OTHER,
        "Bearer \u00e9",
        f"Bearer {OTHER} x",
    ],
)
def test_what_is_no_key_gets_the_constant_401(bench: Callable[..., Any], authorization: str) -> None:
    """A missing, malformed or unknown key gets Groq's constant body, which echoes nothing."""
    made = bench()
    answer = made.post("chat/completions", CHAT, {"authorization": authorization})
    assert (answer.status, answer.body) == (401, CONSTANT)
    assert made.echo.calls.total() == 0


@pytest.mark.parametrize("change", [{"disabled": True}, {"expires": 0}, {"expires": -1}])
def test_a_dead_key_gets_the_same_401(bench: Callable[..., Any], change: dict[str, Any]) -> None:
    """A disabled key, and an expired one from its last second on, look like an unknown one."""
    made = bench()
    if "expires" in change:
        change = {"expires_at": made.clock.now() + timedelta(seconds=change["expires"])}
    made.directory.add(OTHER, **change)
    answer = made.post("chat/completions", CHAT, {"authorization": f"Bearer {OTHER}"})
    assert (answer.status, answer.body) == (401, CONSTANT)


def test_a_key_lives_until_it_expires(bench: Callable[..., Any]) -> None:
    """A key that expires later still works, and the scheme's case does not matter."""
    made = bench()
    made.directory.add(OTHER, expires_at=made.clock.now() + timedelta(seconds=1))
    assert made.post("chat/completions", CHAT, {"authorization": f"bearer {OTHER}"}).status == 200


def test_the_key_is_checked_before_the_body_is_read(bench: Callable[..., Any]) -> None:
    """A stranger's body is not read, and the connection ends with the answer."""
    answer = bench().post("chat/completions", b"{", {"authorization": ""})
    assert (answer.status, answer.headers[b"connection"]) == (401, b"close")
