"""The address and the key are checked where they enter."""

import pickle
import re
from collections.abc import Callable

import pytest

from pulumi_groq.admin import AdminSettings
from pulumi_groq.errors import ConfigurationError

KEY = "adm-0123456789"


Case = tuple[Callable[[], AdminSettings], str, str]
"""What makes settings, how the message begins, and what it advises."""


def require_one_line(cases: list[Case], value: str) -> None:
    """Each is refused in one line that begins and advises so, without anything like `value`."""
    for settings, begins, advice in cases:
        with pytest.raises(ConfigurationError) as caught:
            settings()
        message = str(caught.value)
        assert message.startswith(begins)
        assert advice in message
        assert not re.search(value, message)
        assert "\n" not in message


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700"),
        ("http://127.0.0.1:8700/", "http://127.0.0.1:8700"),
        ("https://groq.example.com/openai/v1", "https://groq.example.com"),
        ("https://groq.example.com/openai/v1/", "https://groq.example.com"),
        ("https://example.com/groq/", "https://example.com/groq"),
        ("http://[::1]:8700", "http://[::1]:8700"),
    ],
)
def test_base_url_is_kept_without_its_tail(given: str, kept: str) -> None:
    """A trailing slash and the API's own path are tolerated."""
    assert kept == AdminSettings(given, KEY).base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "127.0.0.1:8700",
        "ftp://example.com",
        "http://",
        "http://:8700",
        "http://h:0",
        "http://h:99999",
        "http://h:port",
        "http://[::1",
        "http://h/?a=b",
        "http://h/#a",
        "http://h/a b",
        "http://h\n",
        "http://grüße.example",
        "https://user:hunter2@example.com",
        "https://hunter2@example.com",
        "pgq_hunter2",
    ],
)
def test_unusable_base_url_names_the_setting(base_url: str) -> None:
    """An unusable address gives one line with the setting's names where it came from, and not the value."""
    in_the_environment = {"GROQ_ADMIN_BASE_URL": base_url, "GROQ_ADMIN_KEY": KEY}
    cases: list[Case] = [
        (lambda: AdminSettings(base_url, KEY), "base_url ", "give it to AdminSettings"),
        (
            lambda: AdminSettings.from_environment(in_the_environment),
            "GROQ_ADMIN_BASE_URL ",
            "set it in the env",
        ),
        (
            lambda: AdminSettings.found(lambda _: None, in_the_environment),
            "groq:baseUrl (environment: GROQ_ADMIN_BASE_URL) ",
            "run `pulumi config set groq:baseUrl URL` or set GROQ_ADMIN_BASE_URL",
        ),
    ]
    require_one_line(cases, "hunter2")


@pytest.mark.parametrize("admin_key", ["", " ", "hunter2 ", "hunter2\n", "hunter\x002", "hünter2", "a\tb"])
def test_unusable_admin_key_names_the_setting(admin_key: str) -> None:
    """An unusable admin key gives one line with the setting's names where it came from, and not the value."""
    in_the_environment = {"GROQ_ADMIN_BASE_URL": "http://127.0.0.1:8700", "GROQ_ADMIN_KEY": admin_key}
    cases: list[Case] = [
        (lambda: AdminSettings("http://127.0.0.1:8700", admin_key), "admin_key ", "give it to AdminSettings"),
        (lambda: AdminSettings.from_environment(in_the_environment), "GROQ_ADMIN_KEY ", "set it in the env"),
        (
            lambda: AdminSettings.found(lambda _: None, in_the_environment),
            "groq:adminKey (environment: GROQ_ADMIN_KEY) ",
            "run `pulumi config set --secret groq:adminKey` or set GROQ_ADMIN_KEY",
        ),
    ]
    require_one_line(cases, "h.nter")


def test_repr_hides_the_admin_key() -> None:
    """What a log or a debugger prints of the settings shows the address only."""
    assert repr(AdminSettings("http://h", KEY)) == "AdminSettings(base_url='http://h')"


def test_settings_refuse_to_be_pickled() -> None:
    """Pulumi pickles providers into its state, where the admin key must never land."""
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(AdminSettings("http://h", KEY))
