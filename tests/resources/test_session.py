"""Settings of the provider process: from the stack's configuration, else from the environment."""

import pytest
from pulumi.dynamic import Config

from pulumi_groq.admin import AdminSettings, Configured
from pulumi_groq.errors import ConfigurationError
from pulumi_groq.lifecycle.session import deadline_s
from pulumi_groq.resources.session import configured_by, configured_session

ENVIRONMENT = {"GROQ_ADMIN_BASE_URL": "http://127.0.0.1:1", "GROQ_ADMIN_KEY": "from-the-environment"}


def config(**values: str) -> Config:
    return Config(raw_config={f"groq:{name}": value for name, value in values.items()}, project_name="infra")


def settings(**values: str) -> Configured:
    return configured_by(config(**values))


def test_configuration_wins() -> None:
    """What the stack configures goes before the environment."""
    found = AdminSettings.found(
        settings(baseUrl="http://127.0.0.1:2", adminKey="from-the-stack"), ENVIRONMENT
    )
    assert (found.base_url, found.admin_key) == ("http://127.0.0.1:2", "from-the-stack")


def test_environment_fills_in() -> None:
    """What the stack does not configure comes from the environment."""
    found = AdminSettings.found(settings(), ENVIRONMENT)
    assert (found.base_url, found.admin_key) == ("http://127.0.0.1:1", "from-the-environment")


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_missing_setting_is_named(name: str) -> None:
    """A missing setting is named with both places to set it."""
    with pytest.raises(ConfigurationError, match=name):
        AdminSettings.found(settings(), {key: value for key, value in ENVIRONMENT.items() if key != name})


def test_deadline_has_a_default() -> None:
    """A call may take two minutes unless that is changed."""
    assert deadline_s(settings(), {}) == 120


@pytest.mark.parametrize("text", ["soon", "0", "-1", "3601", "nan", "inf"])
def test_unusable_deadline_is_refused(text: str) -> None:
    """A deadline is a number of seconds from 1 to 3,600."""
    with pytest.raises(ConfigurationError, match="groq:deadlineSeconds"):
        deadline_s(settings(deadlineSeconds=text), {})


def test_one_process_shares_one_client() -> None:
    """All providers of a process talk through the same connections."""
    stack = config(baseUrl="http://127.0.0.1:2", adminKey="from-the-stack")
    assert configured_session(stack) is configured_session(stack)
