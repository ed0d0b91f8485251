"""Imports point one way between the packages of `pulumi_groq`, and out of it only where a row allows it."""

import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from source_modules import Module

MAY_IMPORT = {
    "models": set(),
    "errors": {"models"},
    "catalogue": {"models", "errors"},
    "policy": {"models", "errors", "catalogue"},
    "rotation": {"models", "errors"},
    "access": {"models", "errors"},
    "admin": {"models", "errors"},
    "lifecycle": {"models", "errors", "catalogue", "rotation", "admin"},
    "resources": {"models", "errors", "catalogue", "admin", "lifecycle"},
    "plugin": {"models", "errors", "catalogue", "admin", "lifecycle"},
    "gateway": {"models", "errors", "catalogue", "policy", "reports"},
    "reports": {"models", "errors", "catalogue", "policy", "rotation", "access"},
    "guardrails": {"models", "errors", "access", "admin", "lifecycle", "reports"},
    "cli": {"models", "errors", "catalogue", "policy", "rotation", "access", "admin", "gateway", "reports"},
    "": {"errors", "models", "lifecycle", "resources"},
}
"""Package -> the packages that it may import."""

MAY_USE = {
    "models": {"pydantic", "pydantic_core"},
    "errors": set(),
    "catalogue": {"pydantic"},
    "policy": set(),
    "rotation": set(),
    "access": {"pydantic", "pydantic_core", "yaml"},
    "admin": {"httpx", "pydantic"},
    "lifecycle": {"pydantic", "pydantic_core"},
    "resources": {"pulumi", "pydantic"},
    "plugin": {"google", "grpc", "pulumi", "pydantic"},  # pulumi brings grpc and protobuf
    "reports": {"pydantic"},
    "guardrails": {"pulumi", "pulumi_policy"},  # the pack alone uses what its extra brings
    "": set(),
}
"""Package -> third-party libraries; the gateway and the commands are installed with extras of their own."""

PURE = {"models", "policy", "rotation", "catalogue", "access", "reports"}
INPUT_AND_OUTPUT = {
    "asyncio",
    "concurrent",
    "http",
    "multiprocessing",
    "socket",
    "subprocess",
    "threading",
    "urllib",
}

_GATEWAY = "pulumi_groq.gateway."


def _packages(imported: str) -> set[str]:
    package, *below = imported.split(".")
    return {below[0]} if package == "pulumi_groq" and below else set()


def test_every_package_has_a_row(modules: list[Module]) -> None:
    """A new package states what it may import before anything can land in it."""
    assert {module.package for module in modules} == MAY_IMPORT.keys()


def test_packages_import_only_what_their_row_names(modules: list[Module]) -> None:
    """No module imports a package that its own package's row leaves out."""
    astray = [
        f"{module.path} imports {imported}"
        for module in modules
        for imported in module.imports()
        if _packages(imported) - MAY_IMPORT[module.package] - {module.package}
    ]
    assert astray == []


def test_packages_use_only_the_libraries_of_their_row(modules: list[Module]) -> None:
    """The packages of the base install use nothing that the base install does not bring."""
    astray = [
        f"{module.path} imports {imported}"
        for module in modules
        if module.package in MAY_USE
        for imported in module.imports()
        if imported.split(".")[0] not in MAY_USE[module.package] | sys.stdlib_module_names | {"pulumi_groq"}
    ]
    assert astray == []


def test_pure_packages_do_no_input_or_output(modules: list[Module]) -> None:
    """Packages that only decide or describe import nothing that reaches a network, a process or a thread."""
    astray = [
        f"{module.path} imports {imported}"
        for module in modules
        if module.package in PURE
        for imported in module.imports()
        if imported.split(".")[0] in INPUT_AND_OUTPUT
    ]
    assert astray == []


def test_imports_are_absolute(modules: list[Module]) -> None:
    """No module imports relative to itself, so every import can be read and checked alone."""
    assert [m.path for m in modules for imported in m.imports() if imported.startswith(".")] == []


def test_only_the_store_speaks_sql(modules: list[Module]) -> None:
    """Tables, statements and their library stay below `gateway/store`: the rest of the gateway calls it."""
    astray = [
        f"{module.path} imports {imported}"
        for module in modules
        if "gateway/store/" not in str(module.path)
        for imported in module.imports()
        if imported.split(".")[0] in {"sqlalchemy", "alembic", "sqlite3"}
    ]
    assert astray == []


def test_imports_inside_the_gateway_go_round_in_no_circle(modules: list[Module]) -> None:
    """The folders and files directly below `gateway/` can be put in an order in which each imports only what
    comes before it.
    """
    needs: dict[str, set[str]] = {}
    for module in modules:
        if module.path.startswith("gateway/"):
            part = module.path.split("/")[1].removesuffix(".py")
            below = {name.split(".")[2] for name in module.imports() if name.startswith(_GATEWAY)}
            needs.setdefault(part, set()).update(below - {part})
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))
