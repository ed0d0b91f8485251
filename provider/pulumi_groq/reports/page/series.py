"""Sums by day as the series of a chart: the largest have a colour of their own, all others share one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from pulumi_groq.models.history import DenialBucket
from pulumi_groq.reports.page.charts import Series
from pulumi_groq.reports.page.facts import PageFacts

MOST_SERIES: Final = 6
OTHERS_COLOUR: Final = MOST_SERIES

_REASONS: Final = {
    "cap": "monthly cap reached",
    "budget": "budget reached",
    "requests_per_minute": "requests per minute",
    "requests_per_day": "requests per day",
    "tokens_per_minute": "tokens per minute",
    "tokens_per_day": "tokens per day",
    "max_parallel_requests": "parallel requests",
    "requests_per_minute_too_large": "larger than requests per minute",
    "tokens_per_minute_too_large": "larger than tokens per minute",
    "tokens_per_day_too_large": "larger than tokens per day",
    "organisation_ceiling": "upstream's limit near, share used up",
    "key_paused_runaway": "paused for runaway spend",
    "model_not_available": "model not allowed",
    "tool_not_allowed": "tool not allowed",
    "store_unavailable": "store unavailable",
    "counters_unavailable": "counters unavailable",
}

_WHOSE: Final = {"team": "team: ", "model": "model: "}
_SHORTER: Final = ("hour", "day", "week")


def days_of(facts: PageFacts) -> list[date]:
    """The days of the charts."""
    count = (facts.last_day - facts.first_day).days + 1
    return [facts.first_day + timedelta(days=number) for number in range(count)]


def reason_in_words(reason: str) -> str:
    """Why requests were refused."""
    if reason in _REASONS:
        return _REASONS[reason]
    whose, _, limit = reason.partition("_")
    if whose in _WHOSE and limit:
        return f"{_WHOSE[whose]}{reason_in_words(limit)}"
    amount, _, per = reason.partition("_")
    if amount in ("cap", "budget") and per in _SHORTER:
        return f"{'cap' if amount == 'cap' else 'budget'} of the {per} reached"
    return reason.replace("_", " ")


def tokens_by_model(facts: PageFacts) -> list[Series]:
    """Tokens a day."""
    amounts = ((bucket.model or "", bucket.day, float(bucket.tokens)) for bucket in facts.days_by_model)
    return _largest(amounts, days_of(facts))


def spend_by_key(facts: PageFacts) -> list[Series]:
    """US dollars a day; keys that were not asked for are what remains of the days' totals."""
    days = days_of(facts)
    named = _named_by_key(facts)
    own = _largest(
        ((named[bucket.key_id or ""], bucket.day, float(bucket.cost_usd)) for bucket in facts.days_by_key),
        days,
    )
    totals = spend_by_day(facts)
    rest = [
        max(totals.get(day, 0.0) - sum(series.values[index] for series in own), 0.0)
        for index, day in enumerate(days)
    ]
    return [*own, Series("others", rest, OTHERS_COLOUR)] if sum(rest) > 1e-9 else own


def spend_by_day(facts: PageFacts) -> Mapping[date, float]:
    """US dollars a day, of all keys."""
    totals: dict[date, float] = {}
    for bucket in facts.days_by_model:
        if bucket.day is not None:
            totals[bucket.day] = totals.get(bucket.day, 0.0) + float(bucket.cost_usd)
    return totals


def denials_by_reason(facts: PageFacts) -> list[Series]:
    """Refused requests a day."""

    def amount(bucket: DenialBucket) -> tuple[str, date | None, float]:
        return reason_in_words(bucket.reason or ""), bucket.day, float(bucket.requests)

    return _largest(map(amount, facts.denials), days_of(facts))


def _named_by_key(facts: PageFacts) -> dict[str, str]:
    """Names of keys; where two keys share one, the last four characters tell them apart."""
    ends = {key.id: key.last_four for key in facts.by_key.keys}
    names = {bucket.key_id or "": bucket.key_name or "" for bucket in facts.days_by_key}
    shared = {name for name in names.values() if list(names.values()).count(name) > 1}
    return {
        key_id: f"{name} …{ends.get(key_id, key_id[-4:])}" if name in shared else name
        for key_id, name in names.items()
    }


def _largest(amounts: Iterable[tuple[str, date | None, float]], days: Sequence[date]) -> list[Series]:
    place = {day: index for index, day in enumerate(days)}
    values: dict[str, list[float]] = {}
    for label, day, amount in amounts:
        if day in place:
            values.setdefault(label, [0.0] * len(days))[place[day]] += amount
    ordered = sorted(values.items(), key=lambda item: (-sum(item[1]), item[0]))
    largest = [item for item in ordered[:MOST_SERIES] if sum(item[1]) > 0]
    shown = [Series(label, found, colour) for colour, (label, found) in enumerate(largest)]
    rest = [found for _, found in ordered[MOST_SERIES:]]
    if rest:
        shown.append(Series("others", [sum(column) for column in zip(*rest, strict=True)], OTHERS_COLOUR))
    return shown
