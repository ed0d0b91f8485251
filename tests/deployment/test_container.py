"""The image: judged by hadolint, and its steps done here, where no engine builds images."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployment_tools import DEPLOY, ROOT, assert_taken_by_serve, run_tool
from gateway_process import start_gateway

TEXT = (DEPLOY / "Containerfile").read_text()
BUILD, IMAGE = TEXT.split("\nFROM ")[1:]


def test_hadolint_has_nothing_against_it() -> None:
    """No warning at all."""
    done = run_tool("hadolint", str(DEPLOY / "Containerfile"))
    assert (done.returncode, done.stdout) == (0, "")


def test_it_runs_as_nobody_in_particular() -> None:
    """By number, which Kubernetes can judge; with a check, and stopped by the signal that drains."""
    uid = re.search(r'"--uid=(\d+)"', IMAGE)
    assert uid is not None
    assert f"\nUSER {uid[1]}:{uid[1]}\n" in IMAGE
    assert "\nSTOPSIGNAL SIGTERM\n" in IMAGE
    assert IMAGE.index("\nUSER ") < IMAGE.index("\nENTRYPOINT ")
    assert IMAGE.count("\nHEALTHCHECK ") == 1
    [command] = re.findall(r"^CMD (\[.*\])$", IMAGE, re.MULTILINE)
    assert_taken_by_serve(json.loads(command))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the build stage installs, from what it copies and nothing else."""
    context, target = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("image") / "pulumi-groq"
    for sources, _ in re.findall(r"^COPY ((?:[^-\s]\S* )+)(\S+)$", BUILD, re.MULTILINE):
        for source in sources.split():
            _copy(ROOT / source, context / source)
    [sync] = [
        json.loads(step) for step in re.findall(r"^RUN (\[.*\])$", BUILD, re.MULTILINE) if "sync" in step
    ]
    uv = subprocess.run(["sh", str(ROOT / "setup/uv.sh")], capture_output=True, text=True, check=True)
    subprocess.run(
        [uv.stdout.strip(), *sync[1:]],
        cwd=context,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        | {"UV_PROJECT_ENVIRONMENT": str(target), "UV_PYTHON": sys.executable},
        check=True,
    )
    return target


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def test_what_is_installed_serves_and_is_found_healthy(installed: Path, tmp_path: Path) -> None:
    """Without Pulumi; the health check asks where the gateway listens by default."""
    assert not list(installed.glob("lib/*/site-packages/pulumi/"))
    [check] = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", IMAGE, re.MULTILINE)
    command = json.loads(check)
    assert "http://127.0.0.1:8700/healthz" in command[-1]
    gateway = start_gateway(tmp_path, command=[str(installed / "bin" / "pulumi-groq")])
    try:
        here = command[-1].replace("http://127.0.0.1:8700", gateway.url)
        ask = [sys.executable, "-c", here]
        assert subprocess.run(ask, check=False).returncode == 0
    finally:
        gateway.clear_away()
    assert subprocess.run(ask, stderr=subprocess.DEVNULL, check=False).returncode == 1


def test_nothing_else_is_sent_to_whoever_builds_it() -> None:
    """The context holds what is copied, and no store, secret or environment of a checkout."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    allowed = {
        line[1:].partition("/*")[0].removesuffix("/access.schema.json") for line in lines if line[0] == "!"
    }
    copied = {
        source
        for sources in re.findall(r"^COPY (?!--)(.*) \S+$", BUILD, re.MULTILINE)
        for source in sources.split()
    }
    assert allowed == copied
