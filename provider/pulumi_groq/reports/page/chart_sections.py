"""Usage over time: tokens by model, spend by key, refused requests by reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.page.charts import Series, stacked_days
from pulumi_groq.reports.page.facts import PageFacts
from pulumi_groq.reports.page.markup import Heading, Markup, element, fallback, table
from pulumi_groq.reports.page.series import (
    days_of,
    denials_by_reason,
    spend_by_key,
    tokens_by_model,
)


@dataclass(frozen=True, slots=True)
class _Chart:
    """What a section charts: `number` writes an amount in its table, `width` is that of the wide drawing."""

    id: str
    title: str
    unit: str
    number: str
    width: float


_MODELS: Final = _Chart("models", "Tokens by model", "tokens", ",.0f", 470.0)
_KEYS: Final = _Chart("keys", "Spend by key", "USD", ",.4f", 470.0)
_REFUSED: Final = _Chart("refused", "Refused requests by reason", "requests", ",.0f", 1000.0)


def model_section(facts: PageFacts) -> Markup:
    """Tokens a day by model."""
    return _section(facts, _MODELS, tokens_by_model(facts))


def key_section(facts: PageFacts) -> Markup:
    """US dollars a day by key."""
    return _section(facts, _KEYS, spend_by_key(facts))


def denial_section(facts: PageFacts) -> Markup:
    """Refused requests a day by reason."""
    return _section(facts, _REFUSED, denials_by_reason(facts))


def _section(facts: PageFacts, chart: _Chart, found: Sequence[Series]) -> Markup:
    days = days_of(facts)
    shown = [replace(each, label=visible(each.label)) for each in found]
    span = f"{chart.unit} a day, last {len(days)} days (UTC)"
    head = [element("h2", chart.title), element("p", span, class_="quiet")]
    if not shown:
        return element("section", head, element("p", "Nothing in these days.", class_="nothing"), id=chart.id)
    sums = ", ".join(f"{each.label} {sum(each.values):{chart.number}}" for each in shown)
    label = f"{chart.title}, {span}. In all: {sums} {chart.unit}."
    headings = [Heading("Day"), *(Heading(each.label, is_number=True) for each in shown)]
    rows = [
        [day.isoformat(), *(f"{each.values[index]:{chart.number}}" for each in shown)]
        for index, day in enumerate(days)
    ]
    return element(
        "section",
        head,
        element("figure", stacked_days(days, shown, label, chart.unit, width=chart.width)),
        _legend(shown),
        fallback(f"{chart.id}-table", table(headings, rows, f"{chart.title}, by day")),
        id=chart.id,
    )


def _legend(series: Sequence[Series]) -> Markup:
    entries = [element("li", _swatch(each.colour), element("bdi", each.label)) for each in series]
    return element("ul", entries, class_="legend")


def _swatch(colour: int) -> Markup:
    square = element("rect", width=10, height=10, rx=2, class_=f"s{colour}")
    return element("svg", square, viewBox="0 0 10 10", aria_hidden="true")
