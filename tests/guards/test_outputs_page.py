"""docs/outputs.md has every field that commands write for programs, and no other."""

import ast
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pulumi_groq.cli.main import commands
from pulumi_groq.reports.validation.checks import Check, Outcome, Validation
from pulumi_groq.reports.validation.formats import validation_json

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "outputs.md").read_text("utf-8")
GOLDEN = ROOT / "tests" / "reports"
CLI = ROOT / "provider" / "pulumi_groq" / "cli"
BY_NAME = {
    "rows[].limits_today",
    "changes[].fields",
    "other_resources",
}  # mappings whose names are not fields


def documented(output: str) -> set[str]:
    """The fields in the first column of the table of `output`."""
    (table,) = re.findall(rf"<!-- output: {output} -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def fields(value: Any, path: str = "") -> Iterator[str]:
    """The paths of `value`: `[]` for the items of a list, `*` for names that are not fields."""
    if isinstance(value, dict):
        for name, below in value.items():
            step = "*" if path in BY_NAME else name
            yield from fields(below, f"{path}.{step}".removeprefix("."))
    elif isinstance(value, list) and value:
        for item in value:
            yield from fields(item, f"{path}[]")
    if path and not isinstance(value, list):
        yield path
    elif path:
        yield f"{path}[]"


def without_containers(paths: set[str]) -> set[str]:
    """Neither the document itself nor the `*` of a mapping by names is a field."""
    return {path for path in paths if path != "[]" and not path.endswith(".*")}


def review() -> Iterator[Any]:
    for preview in (GOLDEN / "golden").glob("*.preview.json"):
        done = CliRunner().invoke(commands, ["review", str(preview), "--offline", "--output", "json"])
        yield json.loads(done.stdout)


def written(module: str, function: str) -> dict[str, None]:
    """The names of the mapping that `function` of a command's module returns."""
    tree = ast.parse((CLI / module).read_text("utf-8"))
    (found,) = (
        each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == function
    )
    (returned,) = (each.value for each in ast.walk(found) if isinstance(each, ast.Return))
    assert isinstance(returned, ast.Dict)
    return {key.value: None for key in returned.keys if isinstance(key, ast.Constant)}  # type: ignore[misc]


def outputs() -> dict[str, list[Any]]:
    check = Check("keys", "k", "exists", Outcome.OK, "yes")
    rotation = ("rotation.json", "rotation-consumers.json")
    return {
        "usage": [json.loads(file.read_text()) for file in (GOLDEN / "usage" / "golden").glob("by-*.json")],
        "review": list(review()),
        "validate": [json.loads(validation_json(Validation("declared", "live", (check,))))],
        "rotation status": [json.loads((GOLDEN / "golden" / name).read_text()) for name in rotation],
        "ledger set-aside": [[written("books.py", "_document")]],
        "replicas list": [{"replicas": [written("replicas.py", "_shown")]}],
    }


@pytest.mark.parametrize("output", outputs())
def test_every_field_is_documented(output: str) -> None:
    """Both ways: a field that goes or is renamed has to be taken out of the page, too."""
    found = {path for document in outputs()[output] for path in fields(document)}
    assert without_containers(found) == documented(output)


def test_every_column_is_documented() -> None:
    """Of CSV."""
    text = (GOLDEN / "usage" / "golden" / "by-key.csv").read_text()
    assert set(next(csv.reader(io.StringIO(text)))) == documented("usage csv")
