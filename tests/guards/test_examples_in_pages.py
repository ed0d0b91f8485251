"""What the pages show works: programs run under Pulumi's mocks, files are read by their own readers."""

import re
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from local_engine import installed_sdk
from mocked_program import registrations
from pulumi_groq.access import read_access
from pulumi_groq.reports.guardrails.loader import load_guardrails

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DECLARES = re.compile(r"\bGroq[A-Z]\w+\(")


def blocks(language: str) -> list[tuple[str, str]]:
    """Page, and what stands in its fences of this language."""
    return [
        (page.name, token.content)
        for page in PAGES
        for token in MarkdownIt().parse(page.read_text())
        if token.type == "fence" and token.info.strip() == language
    ]


def labelled(found: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """A test for each, named after its page."""
    ids = [f"{page}-{number}" for number, (page, _) in enumerate(found)]
    return pytest.mark.parametrize("text", [text for _, text in found], ids=ids)


PROGRAMS = [(page, text) for page, text in blocks("python") if DECLARES.search(text)]
FILES = [(page, text) for page, text in blocks("yaml") if isinstance(yaml.safe_load(text), dict)]
ACCESS = [(page, text) for page, text in FILES if "teams" in yaml.safe_load(text)]
POLICIES = [(page, text) for page, text in FILES if "rules" in yaml.safe_load(text)]


def test_there_are_examples() -> None:
    """None of the lists below is empty by a mistake of this module."""
    assert (len(PROGRAMS) >= 6, len(ACCESS) >= 3, len(POLICIES) >= 1) == (True, True, True)


@labelled(PROGRAMS)
def test_programs_declare_what_they_show(text: str, tmp_path: Path) -> None:
    """Each is a program as it stands; one that goes on from another has the names of the package."""
    begins = f"import sys\nsys.path.append({str(installed_sdk(tmp_path))!r})\n"
    begins += "" if "import" in text else "from pulumi_groq import *\n"
    shown = set(re.findall(r'Groq[A-Z]\w+\(\s*"([^"]+)"', text))
    assert {resource["name"] for resource in registrations(begins + text)} >= shown
    assert shown


@labelled(ACCESS)
def test_access_files_are_read(text: str) -> None:
    """Without a problem, whatever the file says of teams, keys and rights."""
    assert read_access(text.encode(), "access.yaml").teams


@labelled(POLICIES)
def test_policy_files_are_read(text: str, tmp_path: Path) -> None:
    """Without a problem."""
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    load_guardrails(file)
