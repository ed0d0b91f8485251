"""Markup is escaped by construction."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_groq.reports.page.markup import element, fragment, own_text

texts = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    [
        "</p><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onload='x",
        "&lt;b&gt;",
        "]]>",
        "<!--",
    ]
)


def printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


@given(texts, texts)
def test_text_comes_back_as_text(parse_once: Any, inside: str, beside: str) -> None:
    """In content and in attributes: a parser finds the very same text, and no other element."""
    parsed = parse_once(element("p", inside, title=beside))
    assert parsed.tags == [("p", {"title": printable(beside)})]
    assert "".join(parsed.texts) == printable(inside)


def test_elements_nest() -> None:
    """What is markup already is not escaped again."""
    assert (
        element("ul", [element("li", "a & b"), None, element("li")]) == "<ul><li>a &amp; b</li><li></li></ul>"
    )


def test_what_was_markup_is_text_once_it_is_changed() -> None:
    """A string made of markup by other means is escaped: it fails safe."""
    assert element("p", element("b", "x").upper()) == "<p>&lt;B&gt;X&lt;/B&gt;</p>"


def test_attributes_follow_the_names_of_html() -> None:
    """Hyphens for underscores, nothing for None and False, no value for True, short numbers."""
    written = element("input", class_="a", aria_label="b", required=True, checked=False, id=None, x=1 / 3)
    assert written == '<input class="a" aria-label="b" required x="0.333333">'


def test_drawings_close_themselves() -> None:
    """SVG is XML inside."""
    assert fragment(element("rect", rx=2), element("g")) == '<rect rx="2"/><g></g>'


@pytest.mark.parametrize("text", ["</style>", "a </script> b", "<!-- x"])
def test_own_text_cannot_end_its_element(text: str) -> None:
    """A style sheet that would is refused when the page is made."""
    with pytest.raises(ValueError, match="would end the element"):
        own_text(text)
