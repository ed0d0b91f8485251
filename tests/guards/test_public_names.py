"""What a package offers is written down in its `__all__`."""

import ast
from collections.abc import Iterator

import pulumi_groq
from source_modules import Module


def _all(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        yield from node.body if isinstance(node, ast.If) else [node]


def _offered(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in _top_level(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pulumi_groq"):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return {name for name in names if not name.startswith("_")}


def test_every_name_that_a_package_offers_is_in_its_list(modules: list[Module]) -> None:
    """`__all__` of each `__init__.py` holds exactly the public names that stand in it."""
    differing = {
        module.path: sorted(_offered(module.tree) ^ set(_all(module.tree)))
        for module in modules
        if module.path.endswith("__init__.py") and _offered(module.tree) ^ set(_all(module.tree))
    }
    assert differing == {}


def test_the_public_surface_imports() -> None:
    """Every name of `pulumi_groq.__all__` can be imported, and has a docstring of its own."""
    undocumented = [
        name for name in pulumi_groq.__all__ if not (getattr(pulumi_groq, name).__doc__ or "").strip()
    ]
    assert undocumented == []
