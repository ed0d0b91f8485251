"""Fixtures of the access tests."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from pulumi_groq.access import Access, read_access
from pulumi_groq.errors import AccessFileError


@pytest.fixture
def read() -> Callable[[str], Access]:
    """Reads an indented block as access.yaml."""
    return lambda text: read_access(dedent(text).lstrip("\n").encode(), "access.yaml")


@pytest.fixture
def problems(read: Callable[[str], Access]) -> Callable[[str], list[str]]:
    """The lines of the error that an indented block gives, without the file's name."""

    def lines(text: str) -> list[str]:
        with pytest.raises(AccessFileError) as raised:
            read(text)
        return [line.removeprefix("access.yaml:") for line in str(raised.value).splitlines()]

    return lines
