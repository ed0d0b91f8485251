"""Fixtures of the guards."""

import pytest

from source_modules import PACKAGE, Module


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    """Every module of the package."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        inside = file.relative_to(PACKAGE)
        package = "" if str(inside) == "__init__.py" else inside.parts[0].removesuffix(".py")
        found.append(Module(str(inside), package, file.read_text(encoding="utf-8")))
    return found
