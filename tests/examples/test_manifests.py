"""The Kubernetes manifests, held to the operator's CRDs and to Kubernetes' API: types and required fields."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from node_packages import installed_packages

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "examples" / "kubernetes" / "external-secrets.yaml"
CHECK = """
import {{ ExternalSecret, SecretStore, IExternalSecret, ISecretStore }}
    from "@kubernetes-models/external-secrets/external-secrets.io/v1";
import {{ Deployment, IDeployment }} from "kubernetes-models/apps/v1";
const store: ISecretStore = {0};
const secret: IExternalSecret = {1};
const deployment: IDeployment = {2};
new SecretStore(store).validate();
new ExternalSecret(secret).validate();
new Deployment(deployment).validate();
"""


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The models that are made from the CRDs, and the compiler."""
    return installed_packages(Path(__file__).parent / "kubernetes" / "package.json")


@pytest.fixture
def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(MANIFESTS.read_text(encoding="utf-8")))


def problems(documents: list[dict[str, Any]], node_modules: Path, folder: Path) -> str:
    """What the compiler, and then the schemas of the CRDs, say of the documents; nothing if all is well."""
    (folder / "node_modules").symlink_to(node_modules)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "check.ts").write_text(CHECK.format(*(json.dumps(each) for each in documents)))
    compiler = [str(node_modules / ".bin" / "tsc"), "--strict", "--skipLibCheck", "--target", "es2022"]
    commands = ([*compiler, "--module", "nodenext", "check.ts"], ["node", "check.js"])
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
        if done.returncode:
            return done.stdout + done.stderr
    return ""


def test_manifests(documents: list[dict[str, Any]], node_modules: Path, tmp_path: Path) -> None:
    """Every field is one that is there, of its type, and none that is needed is missing."""
    assert [each["kind"] for each in documents] == ["SecretStore", "ExternalSecret", "Deployment"]
    assert problems(documents, node_modules, tmp_path) == ""


@pytest.mark.parametrize(
    ("number", "change", "words"),
    [
        (1, {"refreshIntervall": "1m"}, "refreshIntervall"),
        (1, {"secretStoreRef": {"name": 7}}, "number"),
        (1, {"target": {"name": "x", "creationPolicy": "Mine"}}, "Mine"),
        (2, {"selector": None}, "ILabelSelector"),
    ],
)
def test_a_mistake_is_found(
    number: int, change: Any, words: str, documents: Any, node_modules: Path, tmp_path: Path
) -> None:
    """A misspelt field, another type, a value that is none of those allowed, a field that is missing."""
    documents[number]["spec"] |= change
    assert words in problems(documents, node_modules, tmp_path)


def test_the_parts_name_each_other(documents: list[dict[str, Any]]) -> None:
    """The secret that is delivered is the one that is read, and whose change restarts the pods."""
    store, secret, deployment = documents
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (key,) = [each["valueFrom"]["secretKeyRef"] for each in container["env"] if "valueFrom" in each]
    target = secret["spec"]["target"]["name"]
    assert secret["spec"]["secretStoreRef"]["name"] == store["metadata"]["name"]
    assert deployment["metadata"]["annotations"]["secret.reloader.stakater.com/reload"] == target
    assert (key["name"], key["key"]) == (target, secret["spec"]["data"][0]["secretKey"])
    assert len({each["metadata"]["namespace"] for each in documents}) == 1


def test_what_is_read_is_what_the_stack_writes(documents: list[dict[str, Any]]) -> None:
    """Mount, path and field are those of the programs for OpenBao and Vault."""
    path = documents[1]["spec"]["data"][0]["remoteRef"]
    for example, words in (
        ("openbao", [f'path="{path["key"]}"']),
        ("vault", [f'name="{path["key"]}"', f'mount="{documents[0]["spec"]["provider"]["vault"]["path"]}"']),
    ):
        program = (ROOT / "stacks" / "examples" / example / "__main__.py").read_text()
        assert [word for word in words if word not in program] == []
    assert f'"{path["property"]}": key.{path["property"]}' in program
