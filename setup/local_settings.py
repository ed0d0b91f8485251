"""The local stack's files, secrets and environment; all of it lies in .local, which git ignores."""

import os
import secrets
import shlex
from pathlib import Path

from checkout import LOCAL, VENV_BIN, search_path, write_private

STORE = LOCAL / "gateway.db"
STATE = LOCAL / "state"
ENVIRONMENT_FILE = LOCAL / "env"
STACK = "dev"

_OTHERS = ("PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_STACK")
"""Settings of other Pulumi projects that would take the place of ours."""


def admin_key() -> str:
    """The key of the local admin API, made on first use."""
    return _kept_secret(LOCAL / "admin-key")


def _kept_secret(file: Path) -> str:
    if not file.exists():
        write_private(file, secrets.token_urlsafe(32))
    return file.read_text(encoding="utf-8").strip()


def pulumi_environment(cli: Path, base_url: str) -> dict[str, str]:
    """Environment for Pulumi with its state, secrets and workspace inside the checkout."""
    STATE.mkdir(parents=True, exist_ok=True)
    passphrase = LOCAL / "passphrase"
    _kept_secret(passphrase)
    foreign = {name for name in os.environ if name.startswith("PULUMI_")}
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**kept, **_settings(base_url, passphrase), "PATH": search_path(VENV_BIN, cli)}


def _settings(base_url: str, passphrase: Path) -> dict[str, str]:
    return {
        "GROQ_ADMIN_KEY": admin_key(),
        "GROQ_ADMIN_BASE_URL": base_url,
        "GROQ_BASE_URL": base_url,  # where the official Groq clients send their calls
        "PULUMI_BACKEND_URL": f"file://{STATE}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_HOME": str(LOCAL / "pulumi-home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_SUPPRESS_NEO_LINK": "true",
    }


def write_environment_file(cli: Path, base_url: str) -> None:
    """Write the same settings as shell lines, for commands that are typed by hand."""
    settings = _settings(base_url, LOCAL / "passphrase")
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    lines.append(f"unset {' '.join(_OTHERS)}")
    lines.append(f'export PATH={shlex.quote(str(VENV_BIN))}:{shlex.quote(str(cli))}:"$PATH"')
    write_private(ENVIRONMENT_FILE, "\n".join(lines) + "\n")
