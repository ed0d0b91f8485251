"""HTML and SVG from Python, escaped by construction: text stays text wherever it comes from."""

from collections.abc import Sequence
from html import escape
from typing import Final, NewType

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
    printable = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return escape(printable)
