"""The documentation as a site: built strictly, so that no link leads nowhere, with the whole Python API."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import pulumi_groq

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator() -> Path:
    """mkdocs, installed where it is not there yet."""
    bring = ["sh", "setup/environment.sh", "site"]
    done = subprocess.run(bring, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ROOT / ".tools" / "site" / "bin" / "mkdocs"


def built(generator: Path, configuration: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    options = ["--strict", "--config-file", str(configuration), "--site-dir", str(folder)]
    return subprocess.run(
        [str(generator), "build", *options],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_site_is_built_strictly(generator: Path, tmp_path: Path) -> None:
    """Every page is in its menu, every link and section is there, and every public name has its docstring."""
    done = built(generator, ROOT / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = {page.stem for page in (tmp_path / "site").glob("*.html")}
    assert pages >= {page.stem for page in (ROOT / "docs").glob("*.md")}
    reference = (tmp_path / "site" / "reference.html").read_text(encoding="utf-8")
    names = [*pulumi_groq.__all__, "access.load_access", "admin.AdminClient.snapshot"]
    assert [name for name in names if f'id="pulumi_groq.{name}"' not in reference] == []


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("[x](no-such-page.md)", "no-such-page.md"),
        ("[x](rotation.md#no-such-section)", "no-such-section"),
        ("[x](../stacks/no-such-file.py)", "no-such-file"),
    ],
)
def test_a_broken_link_fails(link: str, words: str, generator: Path, tmp_path: Path) -> None:
    """Of a page, of a section, and of a file beside the documentation."""
    for entry in ROOT.iterdir():
        if entry.name not in {"docs", ".tools"}:
            (tmp_path / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs" / "tools.md").write_text(f"# Tools\n\n{link}\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").unlink()
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    done = built(generator, tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert words in done.stdout + done.stderr
