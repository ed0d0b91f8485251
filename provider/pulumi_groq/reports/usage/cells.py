"""A usage report in words: the lines above its table, and the cells, ready for any kind of table."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pulumi_groq.models.fields import micro_usd, usd
from pulumi_groq.models.usage import BudgetUse
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.phrases import WINDOWS, minute, share
from pulumi_groq.reports.usage.projection import Pace, last_day
from pulumi_groq.reports.usage.report import Counts, UsageReport, UsageRow

_HEADINGS: Final = {"key": "Key", "team": "Team", "model": "Model", "day": "Day"}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, whether its cells are numbers, and the text of a cell, foreign names on one line."""

    heading: str
    is_number: bool
    cell: Callable[[UsageRow], str]
    total: Callable[[Counts], str]


def columns(report: UsageReport) -> tuple[Column, ...]:
    """The columns that say something in this report."""
    return tuple(_columns(report))


def summary(report: UsageReport) -> tuple[str, ...]:
    """What the report says in whole sentences; plain text, no foreign names."""
    return tuple(_sentences(report))


def money(micro_usd: int) -> str:
    """`1,234.56`; `<0.01` for an amount that is small but not zero."""
    return "<0.01" if 0 < micro_usd < 10_000 else f"{usd(micro_usd):,.2f}"


def left_of(use: BudgetUse) -> str:
    """`0.80 of 1.00 today`: what is left of the budget, at least 0."""
    return f"{_left_in(use)} {WINDOWS[use.per]}"


def _left_in(use: BudgetUse) -> str:
    return f"{money(max(0, micro_usd(use.remaining_usd)))} of {money(micro_usd(use.budget_usd))}"


def budget_sentences(budgets: Iterable[BudgetUse]) -> Iterator[str]:
    """Where the organisation's spending stands in its budgets; of its cap `pace_sentences` tell."""
    for use in budgets:
        if use.per != "month":
            yield f"Spent {money(micro_usd(use.spent_usd))} USD {WINDOWS[use.per]}: {_left_in(use)} left."


def _columns(report: UsageReport) -> Iterator[Column]:
    by = report.by
    yield Column(_HEADINGS[by], False, lambda row: visible(row.name), lambda _: "total")
    if by == "key":
        yield Column("Team", False, lambda row: visible(row.team or ""), _blank)
    yield _number("Requests", lambda counts: f"{counts.requests:,}")
    yield _number("Tokens", lambda counts: f"{counts.tokens:,}")
    yield _number("USD", lambda counts: money(counts.cost_micro_usd))
    if by != "team":
        yield _number("Refused", lambda counts: f"{counts.denied or 0:,}")
    if by != "day" and report.pace is not None:
        leads_to = report.pace.projected_micro_usd
        yield Column("Month end", True, _projected, lambda _: "" if leads_to is None else money(leads_to))
    if by == "key" and report.pace is not None:
        yield Column("Today's limit", True, _limit, _blank)
    if report.pace is not None and (by == "key" or any(row.budgets for row in report.rows)):
        yield Column("Budget", True, _budget, _blank)
    if any(row.budgets for row in report.rows):
        yield Column("Left", False, _left, _blank)
    if by == "key":
        yield Column("Last used", False, _last_used, _blank)
        yield Column("Note", False, lambda row: ", ".join(row.notes), _blank)


def _number(heading: str, text: Callable[[Counts], str]) -> Column:
    return Column(heading, True, lambda row: text(row.counts), text)


def _blank(_: Counts) -> str:
    return ""


def _projected(row: UsageRow) -> str:
    return "" if row.projected_micro_usd is None else money(row.projected_micro_usd)


def _limit(row: UsageRow) -> str:
    tightest = row.tightest_limit
    if tightest is None:
        return ""
    unit = "requests" if tightest.limit == "requests_per_day" else "tokens"
    return f"{share(tightest.share)} of {tightest.ceiling:,} {unit}"


def _budget(row: UsageRow) -> str:
    budget = row.budget
    if budget is None or budget.ceiling_micro_usd is None or budget.share is None:
        return ""
    used = f"{share(budget.share)} of {money(budget.ceiling_micro_usd)}"
    if budget.is_reached:
        return f"{used}, reached"
    days = budget.days_to_ceiling
    return used if days is None else f"{used}, {days:.1f} days left"


def _left(row: UsageRow) -> str:
    return ", ".join(
        f"{visible(use.model)} {left_of(use)}" if use.model else left_of(use) for use in row.budgets
    )


def _last_used(row: UsageRow) -> str:
    return minute(row.last_used_at) if row.last_used_at else ""


def _sentences(report: UsageReport) -> Iterator[str]:
    total = report.total
    if report.pace:
        until = f"as of {minute(report.as_of)}"
    else:
        begun = report.month < f"{report.as_of:%Y-%m}"
        until = "a month that is over" if begun else "a month that has not begun"
    yield (
        f"{report.month}, {until}: {_counted(total.requests, 'request')}, {_counted(total.tokens, 'token')}, "
        f"{money(total.cost_micro_usd)} USD."
    )
    if report.pace is not None:
        yield from pace_sentences(report.pace, report.month, auto_pause=_auto_pauses(report))
    yield from budget_sentences(report.budgets)
    if report.unused_keys and report.pace is not None:
        keys = "1 key has" if report.unused_keys == 1 else f"{report.unused_keys:,} keys have"
        yield f"{keys} served nothing for 30 days or more."


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def _auto_pauses(report: UsageReport) -> bool:
    return report.policy is not None and report.policy.auto_pause


def pace_sentences(pace: Pace, month: str, *, auto_pause: bool) -> Iterator[str]:
    """Where the organisation's spending stands, and where it leads."""
    ceiling = pace.ceiling_micro_usd
    if ceiling is not None and pace.share is not None:
        yield f"Spent {money(pace.spent_micro_usd)} of the cap of {money(ceiling)} USD ({share(pace.share)})."
    if pace.is_reached:
        yield "The cap is reached: " + ("new requests are refused." if auto_pause else "it alerts only.")
    if pace.projected_micro_usd is None:
        return
    leads_to = f"At this month's pace {money(pace.projected_micro_usd)} USD by {last_day(month)}"
    if ceiling is None or pace.is_reached:
        yield f"{leads_to}."
    elif pace.days_to_ceiling is None or pace.reaches_ceiling_at is None:
        yield f"{leads_to}: below the cap."
    else:
        yield (
            f"{leads_to}: the cap is reached in {pace.days_to_ceiling:.1f} days, "
            f"on {pace.reaches_ceiling_at:%Y-%m-%d}."
        )
