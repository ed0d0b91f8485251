"""Fixtures of the set-up tests: a checkout of its own, and a PATH with nothing but what a test puts on it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from setup_commands import Run, StandIn

REPOSITORY = Path(__file__).parents[2]
SHELL_TOOLS = ["cat", "dirname", "grep", "mkdir", "sed", "sh", "tail"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The set-up and the reference stack in a folder with a space in its name, without environment."""
    folder = tmp_path / "a checkout"
    for name in ("setup", "stacks"):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "Pulumi.dev.yaml*")
        )
    shutil.copy(REPOSITORY / "Pulumi.yaml", folder)
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH with the few tools that every machine has; tests add stand-ins."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in SHELL_TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is not on PATH"))
    return folder


@pytest.fixture
def stand_in(bare_path: Path) -> StandIn:
    """Puts a shell script on the bare PATH under the name of a tool."""

    def put(name: str, script: str) -> Path:
        file = bare_path / name
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)
        return file

    return put


@pytest.fixture
def run(checkout: Path, bare_path: Path) -> Run:
    """Runs a command in the checkout with the bare PATH and a network that answers nothing."""
    unreachable = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}

    def run_it(*command: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(bare_path), "HOME": str(checkout), **unreachable}
        return subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )

    return run_it


@pytest.fixture
def installed(checkout: Path) -> Path:
    """The checkout with this test run's environment as its own."""
    (checkout / ".venv").symlink_to(sys.prefix)
    return checkout


@pytest.fixture
def local_stack(installed: Path) -> Iterator[Run]:
    """Runs `local_stack.py up|down` as `make` does; takes everything down at the end."""

    def run_it(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "setup/local_stack.py", command],
            cwd=installed,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    yield run_it
    run_it("down")
