"""Holds a release's tag to the version in pyproject.toml and to the changelog: `release.py v0.1.0`."""

import re
import sys
import tomllib

from checkout import ROOT, fail


def project_version() -> str:
    """The version, from the one place where it stands."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        version: str = tomllib.load(file)["project"]["version"]
    return version


def check_tag(tag: str) -> None:
    """End with one line unless `tag` names the version, and the changelog has a section of it."""
    version = project_version()
    if tag != f"v{version}":
        fail(f"the tag {tag} is not v{version}, the version in pyproject.toml; change one of them")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(version)}(?![0-9.])", changelog, re.MULTILINE):
        fail(f"CHANGELOG.md has no section '## {version}': give its section 'Unreleased' that name")


if __name__ == "__main__":
    check_tag(sys.argv[1])
