"""HTML of the page: escaped text, elements and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, NewType

from pulumi_groq.models.visibility import is_visible

Markup = NewType("Markup", str)
"""Finished markup; only this module makes it."""

Child = Markup | str | None | Sequence["Child"]
_EMPTY_ELEMENTS: Final = frozenset({"meta", "link", "input", "line", "rect", "path", "circle", "br"})


class _Safe(str):
    """A string that is markup; anything else is text."""

    __slots__ = ()


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """The element; `class_` is its class, and other underscores in names of attributes are hyphens.

    An attribute that is `None` or false is left out; one that is true stands without a value.
    """
    head = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY_ELEMENTS:
        closing = "/>" if name in {"line", "rect", "path", "circle"} else ">"
        return _markup(f"<{head}{closing}")
    return _markup(f"<{head}>{''.join(map(_content, children))}</{name}>")


def fragment(*children: Child) -> Markup:
    """Children one after the other, without an element around them."""
    return _markup("".join(map(_content, children)))


def own_text(text: str) -> Markup:
    """The content of this package's own style sheet or script, as it is: it must not be escaped."""
    if "</" in text or "<!--" in text:
        raise ValueError("would end the element that it stands in")
    return _markup(text)


def _markup(text: str) -> Markup:
    return Markup(_Safe(text))


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    shown = value if isinstance(value, str) else f"{value:.6g}"
    return f' {name}="{_escaped(shown)}"'


def _content(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, _Safe):
        return child
    return _escaped(child) if isinstance(child, str) else "".join(map(_content, child))


def _escaped(text: str) -> str:
    # HTML cannot hold control characters, lone surrogates or non-characters in any form.
    return escape("".join(each if is_visible(each) else "\N{REPLACEMENT CHARACTER}" for each in text))


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading, and whether its cells are numbers."""

    text: str
    is_number: bool = False


def table(
    headings: Sequence[Heading], rows: Sequence[Sequence[Child]], label: str, foot: Sequence[Child] = ()
) -> Markup:
    """A table that scrolls sideways by itself where it is wider than the screen. First cells are names."""
    kinds = ["number" if heading.is_number else None for heading in headings]
    head = element(
        "tr",
        [
            element("th", each.text, scope="col", class_=kind)
            for each, kind in zip(headings, kinds, strict=True)
        ],
    )
    body = [element("tr", [_cell(*each) for each in zip(row, kinds, strict=True)]) for row in rows]
    below = (
        element("tfoot", element("tr", [_cell(*each) for each in zip(foot, kinds, strict=True)]))
        if foot
        else None
    )
    whole = element("table", element("thead", head), element("tbody", body), below, aria_label=label)
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=label)


def _cell(content: Child, kind: str | None) -> Markup:
    return element("td", content, class_=kind)


def fallback(id_: str, content: Child) -> Markup:
    """What a chart shows, as a table that opens on request."""
    return element("details", element("summary", "Show as a table"), content, id=id_)
