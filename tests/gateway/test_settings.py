"""Settings that cannot work are refused before anything starts."""

from pathlib import Path
from typing import Any

import pytest

from pulumi_groq.errors import ConfigurationError
from pulumi_groq.gateway.settings import Settings

ADMIN_KEY = "admin-key-of-the-tests"


def refusal(**settings: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        Settings(**({"admin_key": ADMIN_KEY} | settings))
    return str(refused.value)


def test_the_defaults_need_an_admin_key_only() -> None:
    """On this machine, with the echo."""
    settings = Settings(admin_key=ADMIN_KEY)
    assert (settings.host, settings.port, settings.upstream) == ("127.0.0.1", 8700, "echo")


def test_a_folder_for_a_store_that_has_its_own_place_is_refused() -> None:
    """A journal that lay elsewhere than the operator believes would be lost."""
    assert "--data-dir goes with a store on PostgreSQL" in refusal(data_dir=Path("data"))
    Settings(admin_key=ADMIN_KEY, store_url="postgresql://h/db", data_dir=Path("data"))


def test_a_store_url_is_not_printed() -> None:
    """It may hold a password."""
    assert "s3cret" not in repr(Settings(admin_key=ADMIN_KEY, store_url="postgresql://u:s3cret@h/db"))


@pytest.mark.parametrize(
    ("settings", "variable"),
    [
        ({"admin_key": ""}, "GROQ_ADMIN_KEY is not set"),
        ({"admin_key": "with space"}, "GROQ_ADMIN_KEY holds"),
        ({"admin_key": "line\n"}, "GROQ_ADMIN_KEY holds"),
        ({"admin_key": "clé"}, "GROQ_ADMIN_KEY holds"),
        ({"admin_key": "x" * 15}, "GROQ_ADMIN_KEY can be guessed: it has 15 of the 16 characters"),
        ({"gateway_secret": "..."}, "GROQ_GATEWAY_SECRET can be guessed: it has 3 of the 16 characters"),
        ({"gateway_secret": ""}, "GROQ_GATEWAY_SECRET is not set"),
        ({"upstream": "https://api.groq.com"}, "GROQ_API_KEY is not set"),
        ({"upstream": "https://api.groq.com", "upstream_key": "a b"}, "GROQ_API_KEY holds"),
    ],
)
def test_an_unusable_secret_is_named(settings: dict[str, Any], variable: str) -> None:
    """By its variable, never by its value."""
    message = refusal(**settings)
    assert (variable in message, "with space" in message) == (True, False)


@pytest.mark.parametrize(
    "upstream",
    [
        "https://api.groq.com",
        "https://api.groq.com:8443/base",
        "http://localhost:9",
        "http://127.0.0.9",
        "http://[::1]:9",
    ],
)
def test_https_and_this_machine_are_upstreams(upstream: str) -> None:
    """Nothing else needs to be."""
    assert Settings(admin_key=ADMIN_KEY, upstream=upstream, upstream_key="k").upstream == upstream


@pytest.mark.parametrize(
    "upstream",
    ["http://api.groq.com", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.nip.io"],
)
def test_an_unencrypted_upstream_is_refused(upstream: str) -> None:
    """The key and all prompts would be readable on the way."""
    assert "unencrypted" in refusal(upstream=upstream, upstream_key="k")


@pytest.mark.parametrize(
    "upstream",
    [
        "",
        "ECHO",
        "api.groq.com",
        "ftp://h",
        "https://",
        "https://u:p4ss@h",
        "https://h?x=1",
        "https://h#x",
        "https://[h",
        "https://h:99999",
    ],
)
def test_what_is_no_base_url_is_refused(upstream: str) -> None:
    """Without quoting it: it may hold a password."""
    message = refusal(upstream=upstream, upstream_key="k")
    assert ("--upstream must be echo or a base URL" in message, "p4ss" in message) == (True, False)


def test_the_controls_go_with_the_echo_only() -> None:
    """Nobody moves the clock of a gateway that spends money."""
    assert "--test-controls" in refusal(upstream="https://api.groq.com", upstream_key="k", test_controls=True)


def test_settings_print_no_secret() -> None:
    """They may end up in a traceback."""
    settings = Settings(
        admin_key="s1-adm" * 3,
        gateway_secret="s2-gw" * 4,
        upstream_key="s3-up",
        upstream="https://api.groq.com",
    )
    assert [secret in repr(settings) for secret in ("s1-adm", "s2-gw", "s3-up")] == [False] * 3


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "app.example.com",
        "https://",
        "https://app.example.com/",
        "https://a@b",
        "https://App.example.com",
        "null",
    ],
)
def test_what_no_browser_sends_is_no_origin(origin: str) -> None:
    """It would never match, and whoever set it would wonder why."""
    assert "--cors-origins" in refusal(cors_origins=(origin,))


def test_origins_have_a_scheme_and_a_host() -> None:
    """And a port where it is not the scheme's own."""
    origins = ("https://app.example.com", "http://localhost:3000")
    assert Settings(admin_key=ADMIN_KEY, cors_origins=origins).cors_origins == origins


def test_counters_are_read_before_anything_starts() -> None:
    """What is no URL of Redis is refused, and a password shows nowhere."""
    assert "--counters is no URL of Redis" in refusal(counters_url="memcached://host")
    assert "unencrypted" in refusal(counters_url="redis://:secret@db.example.com")
    assert "secret" not in repr(Settings(admin_key=ADMIN_KEY, counters_url="rediss://:secret@db.example.com"))
