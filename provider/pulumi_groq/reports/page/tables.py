"""Tables of the page."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi_groq.reports.page.markup import Child, Markup, element


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
