"""What goes wrong is told in one line, at preview where it can be known there."""

from typing import Any

import pytest

from free_ports import free_port
from local_engine import BOTH_PACKAGES

pytestmark = [pytest.mark.engine, BOTH_PACKAGES]

KEY = {"allowed_models": ["openai/gpt-oss-20b"], "requests_per_minute": 500}


def test_bad_input_fails_the_preview_with_the_property(stack: Any) -> None:
    """Every bad property is named at preview, with the reason, and no traceback."""
    stack.declare(keys={"bad": {"allowed_models": [], "requests_per_minute": 0, "expires_at": "tomorrow"}})
    run = stack.preview()
    assert run.code != 0
    assert "Traceback" not in run.output
    for reason in (
        "allowed_models value {[]} has a problem: must have at least 1 item",
        "requests_per_minute value {0} has a problem: must be at least 1; leave it out",
        "expires_at value {tomorrow} has a problem: must be an ISO 8601 time such as 2026-12-31T00:00:00Z",
    ):
        assert reason in run.output


def test_thresholds_above_the_cap_fail_the_preview(stack: Any) -> None:
    """A rule over two properties is checked at preview too."""
    stack.declare(spend_policy={"monthly_cap_usd": 100, "alert_thresholds_usd": [50, 200]})
    run = stack.preview()
    assert run.code != 0
    assert "must not exceed monthly_cap_usd (100)" in run.output


def test_wrong_admin_key_says_which_setting_to_fix(stack: Any) -> None:
    """A refused admin key is one line that names the setting and does not quote the key."""
    stack.declare(keys={"chatbot-prod": KEY})
    run = stack.fails_up(GROQ_ADMIN_KEY="not-the-admin-key-at-all")
    assert "groq:adminKey" in run.output
    assert "not-the-admin-key-at-all" not in run.output


@pytest.mark.parametrize(
    ("variable", "setting"), [("GROQ_ADMIN_KEY", "groq:adminKey"), ("GROQ_ADMIN_BASE_URL", "groq:baseUrl")]
)
def test_missing_setting_is_one_line_at_preview(stack: Any, variable: str, setting: str) -> None:
    """A setting that is not there is named at preview, with the command that sets it."""
    stack.declare(keys={"chatbot-prod": KEY})
    run = stack.preview(**{variable: ""})
    assert run.code != 0
    assert "Traceback" not in run.output
    assert f"{setting} (environment: {variable}) is missing" in run.output


def test_configuration_takes_precedence_over_the_environment(gateway: Any, stack: Any) -> None:
    """The stack's own configuration wins; its secret is not shown."""
    stack.declare(keys={"chatbot-prod": KEY})
    secret = stack.pulumi(
        "config", "set", "--secret", "groq:adminKey", gateway.admin_key, "--stack", stack.name
    )
    assert secret.code == 0
    run = stack.up(GROQ_ADMIN_KEY="a-wrong-one")
    assert gateway.admin_key not in run.output


def test_gateway_down_is_one_line(stack: Any) -> None:
    """A gateway that is not there is named with its address and what to check."""
    stack.declare(keys={"chatbot-prod": KEY})
    address = f"http://127.0.0.1:{free_port()}"
    run = stack.fails_up(GROQ_ADMIN_BASE_URL=address, GROQ_ADMIN_DEADLINE_SECONDS="2")
    assert f"no answer from {address}" in run.output
    assert "check that the gateway runs there" in run.output


def test_preview_needs_no_gateway(stack: Any) -> None:
    """A preview of a plain key makes no request, so it works where the gateway cannot be reached."""
    stack.declare(keys={"chatbot-prod": KEY})
    run = stack.preview(GROQ_ADMIN_BASE_URL=f"http://127.0.0.1:{free_port()}")
    assert run.code == 0
    assert "requests_per_minute: 500" in run.output


def test_busy_gateway_is_waited_for(gateway: Any, stack: Any) -> None:
    """A gateway that answers 429 and 503 for a moment does not fail the run."""
    stack.declare(keys={"chatbot-prod": KEY})
    for status in (429, 503):
        gateway.control(
            "fail", times=1, status=status, method="POST", path_prefix="/openai/v1/api-keys", retry_after_s=1
        )
    stack.up()


def test_unpriced_model_is_refused_with_its_name(stack: Any) -> None:
    """A model without a price is refused by the gateway when the key is created, by name."""
    stack.declare(keys={"chatbot-prod": {"allowed_models": ["acme/unheard-of"]}})
    run = stack.fails_up()
    assert "acme/unheard-of" in run.output


def test_failed_update_keeps_the_key_and_its_value(gateway: Any, stack: Any) -> None:
    """An update that the gateway refuses leaves the key, its value and the state as they were."""
    stack.declare(keys={"chatbot-prod": KEY})
    stack.up()
    (before,) = stack.resources()
    stack.declare(keys={"chatbot-prod": {"allowed_models": ["acme/unheard-of"]}})
    stack.fails_up()
    (after,) = stack.resources()
    assert after["outputs"]["key_id"] == before["outputs"]["key_id"]
    stack.declare(keys={"chatbot-prod": KEY})
    gateway.control("reset-counts")
    stack.up()
    assert gateway.writes() == 0
