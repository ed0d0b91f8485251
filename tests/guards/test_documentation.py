"""README and documentation say what the code does."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

import pulumi_groq
from mocked_program import registrations
from pulumi_groq import errors
from pulumi_groq.cli.main import commands
from pulumi_groq.errors import ApiError, GroqError
from pulumi_groq.lifecycle.admin_key import AdminKeyArgs
from pulumi_groq.lifecycle.key_state import ApiKeyArgs
from pulumi_groq.lifecycle.spend_policy import SpendPolicyArgs
from pulumi_groq.lifecycle.team import TeamArgs
from pulumi_groq.lifecycle.workload_identity import WorkloadIdentityArgs
from source_modules import Module

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
SECTION = re.compile(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)")
CODE = re.compile(r"""\bcode=["']([a-z_]+)["']""")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    missing = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_sections_lead_to_a_heading(page: Path) -> None:
    """What follows the # of a link is a heading of the page that it leads to, as GitHub spells it."""
    missing = [
        f"{target}#{section}"
        for target, section in SECTION.findall(page.read_text())
        if section not in _sections((page.parent / target) if target else page)
    ]
    assert missing == []


def _sections(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_command_is_documented() -> None:
    """Each command of `pulumi-groq` appears in the documentation, and none appears that is not there."""
    named = set(re.findall(r"pulumi-groq ([a-z]+)(?= |`|\n|$)", TEXT))
    assert named >= set(commands.commands)
    assert named - {"is"} <= set(commands.commands)


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, GroqError) and kind not in {GroqError, ApiError}
    ),
)
def test_every_exception_is_documented(name: str) -> None:
    """Each exception has a row that says when it is raised and what to do."""
    assert f"| `{name}` |" in (ROOT / "docs" / "python-client.md").read_text()


def test_every_error_code_is_documented() -> None:
    """Each code that the gateway answers with stands in a table of the documentation."""
    sources = (ROOT / "provider" / "pulumi_groq" / "gateway").rglob("*.py")
    codes = {code for source in sources for code in CODE.findall(source.read_text())}
    assert len(codes) > 10
    assert {code for code in codes if f"`{code}`" not in TEXT} == set()


def test_every_error_code_has_its_remedy() -> None:
    """Each code of the tables and of the sources has a row: what one sees, its cause, and what to do."""
    rows = [
        row.split(" | ")
        for row in (ROOT / "docs" / "errors.md").read_text().splitlines()
        if row.startswith("| `")
    ]
    assert [row for row in rows if len(row) != 4 or not all(cell.strip(" |") for cell in row)] == []
    told = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row[0])}
    tables = [ROOT / "docs" / name for name in ("inference-api.md", "admin-api.md")]
    listed = {
        code
        for table in tables
        for row in re.findall(r"^\| [0-9]{3}[0-9, ]* \| (`.*?) \|", table.read_text(), re.MULTILINE)
        for code in re.findall(r"`([a-z_]+)`", row)
    }
    sources = (ROOT / "provider" / "pulumi_groq" / "gateway").rglob("*.py")
    answered = {code for source in sources for code in CODE.findall(source.read_text())}
    assert len(listed) > 40
    assert (listed | answered) - told == set()
    assert told - listed - answered == set()


def test_every_metric_is_documented() -> None:
    """Each metric of the gateway stands in the table of metrics."""
    source = (ROOT / "provider" / "pulumi_groq" / "gateway" / "metrics.py").read_text()
    names = set(re.findall(r'"(pulumi_groq_[a-z_]+)"', source))
    assert len(names) > 5
    undocumented = {name for name in names if name.removesuffix("_total") not in TEXT}
    assert undocumented == set()


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("GroqAdminKey", AdminKeyArgs),
        ("GroqApiKey", ApiKeyArgs),
        ("GroqTeam", TeamArgs),
        ("GroqSpendPolicy", SpendPolicyArgs),
        ("GroqWorkloadIdentity", WorkloadIdentityArgs),
    ],
)
def test_every_argument_is_documented(name: str, args: type[BaseModel]) -> None:
    """A resource takes what its model declares, and the table in docs/resources.md has exactly these rows."""
    resource: Callable[..., object] = getattr(pulumi_groq, name)
    arguments = resource.__init__.__annotations__.keys() - {"resource_name", "opts", "return"}
    assert arguments == args.model_fields.keys() - {"managed_by", "declared_as"}
    text = (ROOT / "docs" / "resources.md").read_text()
    table = text.partition(f"<!-- fields: {name} -->\n")[2].partition("<!-- end -->")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == arguments


def test_every_package_has_its_row_in_the_map(modules: list[Module]) -> None:
    """CONTRIBUTING says of each package what is in it, and of none that is not there."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.partition("| package | what is in it |\n")[2].partition("\n\n")[0]
    mapped = {
        name for row in table.splitlines() for name in re.findall(r"`([a-z]+)(?:/|\.py)`", row.split("|")[1])
    }
    assert mapped == {module.package for module in modules} - {""}


def test_the_readme_is_short() -> None:
    """The README is read in one go; what the documentation says stands there."""
    assert len((ROOT / "README.md").read_bytes()) < 9_000


def test_every_page_is_linked_from_the_readme() -> None:
    """Whoever begins at the README finds every page of the documentation."""
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    assert {f"docs/{page.name}" for page in PAGES[1:]} - linked == set()


def test_python_example_of_the_readme_runs() -> None:
    """The first example declares its resources as it stands."""
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example is not None
    registered = registrations(example.group(1))
    assert {resource["name"] for resource in registered} >= {"chatbot-prod"}
