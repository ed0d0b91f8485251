"""Where tests take what they share from."""

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_nothing_is_imported_from_conftest() -> None:
    """A conftest holds fixtures, which pytest finds; what tests import lies in `tests/support`."""
    astray = [
        f"{file.relative_to(TESTS)} imports {imported}"
        for file in sorted(TESTS.rglob("*.py"))
        for imported in _imports(file)
        if "conftest" in imported.split(".")
    ]
    assert astray == []


def _imports(file: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module or ''}.{alias.name}" for alias in node.names]
    return found
