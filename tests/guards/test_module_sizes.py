"""Modules stay small enough to be read in one go."""

from source_modules import Module

LARGEST_MODULE_LINES = 400


def test_no_module_outgrows_a_page_or_two(modules: list[Module]) -> None:
    """No module of the package has more than 400 lines."""
    sizes = {module.path: module.text.count("\n") for module in modules}
    assert {path: lines for path, lines in sizes.items() if lines > LARGEST_MODULE_LINES} == {}
