"""The programs for secrets managers against the real SDKs: their types, and what they declare under mocks."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mocked_program import registrations

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "stacks" / "examples"
KEY = "pulumi-python:dynamic/groq:GroqApiKey"
SECRET = "4dabf18193072939515e22adb298388d"  # what marks a secret on the wire to the engine

CONFIGURATION = {"azure:resourceGroup": "platform", "azure:vault": "chatbot", "onepassword:vault": "team"}
RECEIVERS = {
    "1password": ("onepassword:index/item:Item", "password"),
    "aws-secrets-manager": ("aws:secretsmanager/secretVersion:SecretVersion", "secretString"),
    "azure-key-vault": ("azure-native:keyvault:Secret", "properties"),
    "github-actions": ("github:index/actionsSecret:ActionsSecret", "value"),
    "google-secret-manager": ("gcp:secretmanager/secretVersion:SecretVersion", "secretData"),
    "kubernetes-secret": ("kubernetes:core/v1:Secret", "stringData"),
    "vault": ("vault:kv/secretV2:SecretV2", "dataJson"),
}
EACH = pytest.mark.parametrize("example", sorted(RECEIVERS))


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment that has the SDKs; installs them where they are not there yet."""
    bring = ["sh", "setup/environment.sh", "examples"]
    done = subprocess.run(bring, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ROOT / ".tools" / "examples" / "bin" / "python"


def declared(example: str, python: Path, value: str) -> list[dict[str, Any]]:
    """What the program declares while the key's value is `value`, by type."""
    found = registrations(
        (EXAMPLES / example / "__main__.py").read_text(encoding="utf-8"),
        python,
        configuration=CONFIGURATION,
        outputs={KEY: {"key_id": f"key_of_{value.removeprefix('gsk_')}"}},
        secrets={KEY: {"api_key": value}},
    )
    return sorted(found, key=lambda resource: str(resource["type"]))


def in_clear(inputs: Any) -> Iterator[str]:
    """Every text of `inputs` that is outside a secret."""
    if isinstance(inputs, dict):
        if SECRET not in inputs:
            for each in inputs.values():
                yield from in_clear(each)
    elif isinstance(inputs, list):
        for each in inputs:
            yield from in_clear(each)
    else:
        yield str(inputs)


@EACH
def test_the_value_reaches_its_manager_as_a_secret(example: str, python: Path) -> None:
    """The manager's resource is given the key's value, marked as secret, and nothing else has it in clear."""
    resources = declared(example, python, "gsk_first")
    kind, field = RECEIVERS[example]
    (receiver,) = [resource for resource in resources if resource["type"] == kind]
    assert "gsk_first" in json.dumps(receiver["inputs"][field])
    clear = [text for resource in resources for text in in_clear(resource["inputs"])]
    assert clear  # names and labels
    assert [text for text in clear if "gsk_first" in text] == []


@EACH
def test_a_rotated_value_changes_the_same_resources(example: str, python: Path) -> None:
    """After a rotation the program declares the same resources, with the new value alone."""
    first, second = (declared(example, python, value) for value in ("gsk_first", "gsk_second"))
    assert "gsk_first" not in json.dumps(second)
    assert json.loads(json.dumps(first).replace("_first", "_second")) == second


def type_errors(program: Path, python: Path) -> str:
    """What mypy says of `program` in its strict mode; nothing if there is nothing to say."""
    options = ("--config-file", str(Path(__file__).parent / "mypy.ini"), "--python-executable", str(python))
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *options, str(program)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@EACH
def test_types(example: str, python: Path) -> None:
    """Every argument is one that the SDK has, and of its type."""
    assert type_errors(EXAMPLES / example / "__main__.py", python) == ""


@pytest.mark.parametrize(
    ("example", "right", "wrong"),
    [
        ("aws-secrets-manager", "secret_id=secret.id", "secret_id=7"),
        ("azure-key-vault", "value=key.api_key", "value=7"),
        ("google-secret-manager", "secret_data=key.api_key", "secret_data=7"),
    ],
)
def test_a_wrong_type_is_found(example: str, right: str, wrong: str, python: Path, tmp_path: Path) -> None:
    """Of the SDKs that are not read whole, enough is read to find a value of another type."""
    program = tmp_path / "wrong.py"
    program.write_text((EXAMPLES / example / "__main__.py").read_text().replace(right, wrong))
    assert ": error: " in type_errors(program, python)


def test_every_example_is_tried() -> None:
    """Each folder below stacks/examples/ is one of these, or OpenBao's, which runs against a real server."""
    assert {folder.name for folder in EXAMPLES.iterdir()} == {*RECEIVERS, "openbao"}


def test_what_users_install_is_what_is_tried() -> None:
    """The ranges of the examples' requirements are those of the environment that they are tried in."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    required = {
        line
        for example in RECEIVERS
        for line in (EXAMPLES / example / "requirements.txt").read_text(encoding="utf-8").splitlines()
    }
    assert required == {"pulumi-groq", *groups["examples"]}
