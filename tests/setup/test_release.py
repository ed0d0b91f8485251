"""What is published is what was tried, and says which version it is."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from setup_commands import Run

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VERSION = PROJECT["version"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))


@pytest.fixture
def release(checkout: Path) -> Path:
    """A checkout of version 1.2.3 with its section in the changelog."""
    (checkout / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (2026-12-01)\n", encoding="utf-8")
    return checkout


def test_the_tag_of_the_version_is_let_through(run: Run, release: Path) -> None:
    """And nothing is said."""
    done = run(sys.executable, "setup/release.py", "v1.2.3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("tag", "changelog", "words"),
    [
        ("v1.2.4", "## 1.2.3\n", "the tag v1.2.4 is not v1.2.3, the version in pyproject.toml"),
        ("1.2.3", "## 1.2.3\n", "the tag 1.2.3 is not v1.2.3"),
        ("v1.2.3", "## Unreleased\n", "CHANGELOG.md has no section '## 1.2.3'"),
        ("v1.2.3", "## 1.2.30\n", "CHANGELOG.md has no section '## 1.2.3'"),
    ],
)
def test_another_tag_is_one_line(tag: str, changelog: str, words: str, run: Run, release: Path) -> None:
    """What does not fit, and what to do."""
    (release / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    done = run(sys.executable, "setup/release.py", tag)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"setup: {words}")


def test_the_version_stands_in_one_place() -> None:
    """Whatever else names it is generated from it."""
    generated = {
        "provider/pulumi_groq/plugin/schema.json": r'"version": "([^"]+)"',
        "sdk/python/pyproject.toml": r'\n  version = "([^"]+)"',
        "sdk/nodejs/package.json": r'"version": "([^"]+)"',
    }
    found = {
        name: re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"))[:1]
        for name, pattern in generated.items()
    }
    assert found == {name: [VERSION] for name in generated}


def test_the_pythons_that_are_named_are_those_that_are_tried() -> None:
    """Before a release each of them is brought, and the package tried on it."""
    trial = (ROOT / "setup" / "package_trial.py").read_text(encoding="utf-8")
    (tried,) = re.findall(r"^PYTHONS: Final = \((.*)\)$", trial, re.MULTILINE)
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(.*?)"', tried) == PYTHONS
    assert f"python install {' '.join(PYTHONS)}\n" in workflow
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


@pytest.mark.timeout(600)  # two environments with all that the package needs
@pytest.mark.parametrize("python", PYTHONS)
def test_the_wheel_works_alone(python: str) -> None:
    """Built from the sdist, with the oldest and the newest dependencies, on each Python that it is for."""
    trial = [sys.executable, "setup/package_trial.py", python]
    done = subprocess.run(trial, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stderr
    works = re.findall(r"works on Python (\S+), dependencies (\S+)", done.stderr)
    assert works == [(python, "lowest-direct"), (python, "highest")]
    with zipfile.ZipFile(done.stdout.strip()) as wheel:
        (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        assert f"\nVersion: {VERSION}\n" in wheel.read(metadata).decode()
