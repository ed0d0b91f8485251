"""What a command says of its settings is for whoever runs a command: variables of the environment."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulumi_groq.cli.main import commands

ASKING = {
    "audit": ["audit"],
    "audit verify": ["audit", "verify"],
    "init": ["init", "infra", "--from-gateway"],
    "keys list": ["keys", "list"],
    "keys resume": ["keys", "resume", "key_1"],
    "keys show": ["keys", "show", "key_1"],
    "report": ["report", "--html", "page.html"],
    "rotation status": ["rotation", "status"],
    "usage": ["usage"],
    "validate": ["validate", "--no-state", "--access-file", "access.yaml"],
}
WITHOUT = {"GROQ_ADMIN_BASE_URL": "", "GROQ_ADMIN_KEY": "", "GROQ_ADMIN_OIDC_TOKEN_FILE": ""}


def run(arguments: list[str], **environment: str) -> Result:
    return CliRunner().invoke(commands, arguments, env=WITHOUT | environment)


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "Error: GROQ_ADMIN_BASE_URL is missing: set it in the environment"),
        (
            {"GROQ_ADMIN_BASE_URL": "http://127.0.0.1:1"},
            "Error: GROQ_ADMIN_KEY is missing: set it in the environment",
        ),
        (
            {"GROQ_ADMIN_BASE_URL": "127.0.0.1:8700", "GROQ_ADMIN_KEY": "a-key"},
            "Error: GROQ_ADMIN_BASE_URL must be an http or https URL",
        ),
    ],
    ids=["nothing", "no-key", "no-url"],
)
def test_settings_are_named_as_variables(
    name: str, environment: dict[str, str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No command reads the configuration of a stack, so none advises to set it."""
    monkeypatch.chdir(tmp_path)
    done = run(ASKING[name], **environment)
    assert done.exit_code == 2
    assert told in done.stderr
    assert "pulumi config" not in done.stderr


def test_help_names_every_way_to_sign_in() -> None:
    """A command that takes a workload's token says so, wherever it stands."""
    for arguments in ASKING.values():
        words = [word for word in arguments if word.isalpha()]
        command = words[:2] if words[0] in {"audit", "keys", "rotation"} else words[:1]
        shown = run([*command, "--help"]).stdout
        for variable in ("GROQ_ADMIN_BASE_URL", "GROQ_ADMIN_KEY", "GROQ_ADMIN_OIDC_TOKEN_FILE"):
            assert variable in shown, command
