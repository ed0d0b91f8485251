"""The ways to install the plugin, each from an empty Pulumi home, with nothing of it on PATH."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from local_engine import NATIVE

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
SHIM = ROOT / "plugin" / "shim" / "pulumi-resource-groq"
KEY = {"allowed_models": ["openai/gpt-oss-20b"]}
OF_THE_CLI = ("pulumi", "pulumi-language-python-exec")


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with the Pulumi CLI, the project's own language host and the system, and without the plugin."""
    folder = tmp_path / "cli"
    folder.mkdir()
    for name in OF_THE_CLI:
        (folder / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is not on PATH"))
    host = folder / "pulumi-language-python"
    host.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "setup" / "language_host.py"} "$@"\n')
    host.chmod(0o755)
    return os.pathsep.join([str(folder), "/usr/bin", "/bin"])


@pytest.fixture
def stack(gateway: Any, new_stack: Callable[..., Any], bare_path: str, tmp_path: Path) -> Any:
    """A stack of the plugin's resources whose project names no plugin, and whose home is empty."""
    made = new_stack(gateway, package=NATIVE)
    project = Path(made.folder, "Pulumi.yaml")
    project.write_text(project.read_text().split("plugins:")[0])
    made.environment |= {"PATH": bare_path, "PULUMI_HOME": str(tmp_path / "empty-home")}
    made.environment.pop("VIRTUAL_ENV", None)
    made.declare(keys={"chatbot-prod": KEY})
    return made


def has_one_key(gateway: Any) -> bool:
    with gateway.client() as client:
        return [key.name for key in client.list_keys()] == ["chatbot-prod"]


def name_plugin(stack: Any, path: Path) -> None:
    """Name the plugin's folder in the project."""
    with Path(stack.folder, "Pulumi.yaml").open("a") as project:
        project.write(f"plugins:\n  providers:\n    - name: groq\n      path: {path}\n")


def test_installed_from_the_archive(gateway: Any, stack: Any, tmp_path: Path) -> None:
    """`pulumi plugin install -f` takes what `make plugin` packs; it starts the project's environment."""
    packed = [sys.executable, str(ROOT / "setup" / "plugin_package.py"), str(tmp_path / "dist")]
    archive = subprocess.run(packed, capture_output=True, text=True, check=True).stdout.strip()
    first = Path(archive).read_bytes()
    subprocess.run(packed, capture_output=True, check=True)
    assert Path(archive).read_bytes() == first
    release = version("pulumi-groq")
    installed = stack.pulumi("plugin", "install", "resource", "groq", release, "-f", archive)
    assert installed.code == 0, installed.output
    Path(stack.folder, ".venv").symlink_to(sys.prefix)
    assert "using pulumi-resource-groq from $PATH" not in stack.up().printed
    assert has_one_key(gateway)
    assert release in stack.pulumi("plugin", "ls").printed


def test_run_by_the_language_host(gateway: Any, stack: Any) -> None:
    """A folder with a PulumiPlugin.yaml is a plugin that the language host runs."""
    name_plugin(stack, ROOT / "plugin" / "source")
    stack.up()
    assert has_one_key(gateway)
    stack.destroy()
    assert not has_one_key(gateway)


def test_named_in_the_project(gateway: Any, stack: Any) -> None:
    """The folder of the console script is enough."""
    name_plugin(stack, Path(sys.prefix, "bin"))
    stack.up()
    assert has_one_key(gateway)


def test_nowhere_installed(tmp_path: Path) -> None:
    """The archive's script names the package and what to do, on stderr, in one line."""
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or pytest.fail("dirname is not on PATH"))
    for environment, said in (
        ({}, "is the Python package pulumi-groq, which is not installed: run `pip install pulumi-groq`"),
        ({"PULUMI_GROQ_VENV": "/nowhere"}, "PULUMI_GROQ_VENV is /nowhere, and pulumi-groq is not installed"),
    ):
        done = subprocess.run(
            ["/bin/sh", SHIM, "127.0.0.1:1"],
            cwd=tmp_path,
            env={"PATH": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert said in done.stderr
