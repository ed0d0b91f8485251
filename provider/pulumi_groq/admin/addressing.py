"""Paths, queries and headers from what callers pass: checked, so that nothing steers a request elsewhere."""

import re
from typing import Final
from urllib.parse import quote

from pulumi_groq.admin.settings import ADMIN_KEY_PREFIX, API_PATH, GATEWAY_KEY_PREFIX
from pulumi_groq.errors import ConfigurationError

KEYS: Final = f"{API_PATH}/api-keys"
ADMIN_KEYS: Final = f"{API_PATH}/admin-keys"
TEAMS: Final = f"{API_PATH}/teams"
WORKLOAD_IDENTITIES: Final = f"{API_PATH}/workload-identities"
SPEND_POLICY: Final = f"{API_PATH}/spend-policy"
USAGE: Final = f"{API_PATH}/usage"
USAGE_BUCKETS: Final = f"{USAGE}/buckets"
USAGE_DENIALS: Final = f"{USAGE}/denials"
CHANGES: Final = f"{API_PATH}/changes"
MODELS: Final = f"{API_PATH}/models"

_KEY_ID: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_LONGEST_TEXT: Final = 1_024  # of any name or address that the API knows; a URL has an end
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


def key_path(key_id: str) -> str:
    """Where the key is. Raises ConfigurationError for what cannot be a key's id."""
    return f"{KEYS}/{_checked_id(key_id, 'an API key')}"


def consumers_path(key_id: str) -> str:
    """Where the key's consumers are. Raises ConfigurationError for what cannot be a key's id."""
    return f"{key_path(key_id)}/consumers"


def admin_key_path(key_id: str) -> str:
    """Where the admin key is. Raises ConfigurationError for what cannot be its id."""
    return f"{ADMIN_KEYS}/{_checked_id(key_id, 'an admin key')}"


def _checked_id(key_id: str, of: str) -> str:
    if not _KEY_ID.fullmatch(key_id) or key_id.startswith((GATEWAY_KEY_PREFIX, ADMIN_KEY_PREFIX)):
        raise ConfigurationError(
            f"{of}'s id has 1 to 64 letters, digits and underscores: pass the id, not the key"
        )
    return key_id


def team_path(name: str) -> str:
    """Where the team is. Raises ConfigurationError for what cannot be a team's name."""
    return f"{TEAMS}/" + _segment("a team's name", name)


def identity_path(name: str) -> str:
    """Where the workload identity is. Raises ConfigurationError for what cannot be its name."""
    return f"{WORKLOAD_IDENTITIES}/" + _segment("a workload identity's name", name)


def _segment(what: str, name: str) -> str:
    _check_text(what, name)
    if not name.strip("."):  # a path segment of dots alone means the folder itself or the one above
        return "%2E" * len(name)
    return quote(name, safe="")


def _check_text(what: str, text: str) -> None:
    if not (text and text.isprintable() and len(text) <= _LONGEST_TEXT):
        raise ConfigurationError(f"{what} must have 1 to {_LONGEST_TEXT:,} printable characters")


def checked_idempotency_key(key: str) -> str:
    """`key`, fit for its header. Raises ConfigurationError otherwise."""
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise ConfigurationError("an idempotency key has 1 to 255 printable ASCII characters and no space")
    return key


def query(**filters: str | int | None) -> dict[str, str]:
    """The filters that are given. Raises ConfigurationError for text that no name or address can have."""
    for name, value in filters.items():
        if isinstance(value, str):
            _check_text(name, value)
    return {name: str(value) for name, value in filters.items() if value is not None}


def taking_over(take_over: bool) -> dict[str, str]:
    """The query of a write: whether it takes the object over from another stack."""
    return query(take_over="true" if take_over else None)
