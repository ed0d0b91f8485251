"""Pages as a parser sees them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest


@dataclass
class Parsed:
    """Start tags with their attributes in order, and the text between them."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parsed = Parsed()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parsed.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self.parsed.texts.append(data)


def _parse(markup: str) -> Parsed:
    parser = _Parser()
    parser.feed(markup)
    parser.close()
    return parser.parsed


@pytest.fixture
def parse() -> Callable[[str], Parsed]:
    """Parses markup."""
    return _parse


@pytest.fixture(scope="session")
def parse_once() -> Callable[[str], Parsed]:
    """Parses markup, for property tests."""
    return _parse
