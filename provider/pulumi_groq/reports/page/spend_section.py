"""Where the month's spending stands: figures, and the chart against the cap."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate

from pulumi_groq.models.fields import json_number, micro_usd
from pulumi_groq.models.spend_policy import SpendPolicy
from pulumi_groq.reports.page.charts import Mark, running_total, share_bar, short_day
from pulumi_groq.reports.page.facts import PageFacts
from pulumi_groq.reports.page.markup import Child, Heading, Markup, element, fallback, table
from pulumi_groq.reports.page.series import spend_by_day
from pulumi_groq.reports.phrases import minute, share
from pulumi_groq.reports.usage.cells import budget_sentences, money, pace_sentences
from pulumi_groq.reports.usage.projection import Pace, last_day
from pulumi_groq.reports.usage.report import UsageReport


def tiles(report: UsageReport, facts: PageFacts) -> Markup:
    """The month in five figures, or those of them that the reader may see."""
    return element("dl", list(_tiles(report, facts)), class_="tiles")


def banner(report: UsageReport) -> Markup | None:
    """A warning while the cap refuses requests."""
    if report.policy is None or not report.policy.status.paused:
        return None
    text = "New requests are refused until the month ends (UTC) or the cap is raised."
    return element(
        "section", element("h2", "Paused: the monthly cap is reached"), element("p", text), class_="warning"
    )


def spend_section(facts: PageFacts, report: UsageReport) -> Markup:
    """The running total against cap, alerts and projection."""
    days = _days_of_month(report.month)
    spent = spend_by_day(facts)
    so_far = [day for day in days if day <= facts.last_day]
    totals = list(accumulate(spent.get(day, 0.0) for day in so_far))
    marks = _marks(report.policy)
    pace = report.pace
    projected = None
    if pace is not None and pace.projected_micro_usd is not None:
        projected = pace.projected_micro_usd / 1e6
    sentences = _sentences(report, pace)
    chart = running_total(days, totals, projected, marks, " ".join(sentences))
    return element(
        "section",
        element("h2", "Spend against the cap"),
        [element("p", sentence, class_="quiet") for sentence in sentences],
        element("figure", chart),
        fallback("spend-table", _tables(so_far, spent, totals, report.policy)),
        id="spend",
    )


def _tiles(report: UsageReport, facts: PageFacts) -> Iterator[Child]:
    pace, total = report.pace, report.total
    of_cap = "no cap is set" if facts.shown.spending else None
    if pace is not None and pace.ceiling_micro_usd is not None and pace.share is not None:
        of_cap = f"{share(pace.share)} of {money(pace.ceiling_micro_usd)} USD"
    bar = share_bar_of(pace)
    yield _tile("Spent this month", f"{money(pace.spent_micro_usd if pace else 0)} USD", [of_cap, bar])
    if pace is not None and pace.projected_micro_usd is not None:
        until = f"by {short_day(last_day(report.month))}, at this pace"
        yield _tile("Leads to", f"{money(pace.projected_micro_usd)} USD", until)
    yield _tile("Requests", f"{total.requests:,}", f"{total.tokens:,} tokens")
    yield _tile("Refused", f"{total.denied or 0:,}", "this month")
    if facts.shown.keys:
        unused = f"{f'{report.unused_keys:,}' if report.unused_keys else 'none'} unused for 30 days"
        yield _tile("Live keys", f"{len(facts.by_key.keys):,}", unused)


def share_bar_of(pace: Pace | None) -> Markup | None:
    """A bar of how much of a ceiling is spent; nothing without a ceiling."""
    if pace is None or pace.share is None:
        return None
    return share_bar(pace.share, f"{share(pace.share)} is spent")


def _tile(title: str, figure: str, below: Child) -> Markup:
    return element("div", element("dt", title), element("dd", figure), element("dd", below), class_="tile")


def _sentences(report: UsageReport, pace: Pace | None) -> list[str]:
    if pace is None:
        return []
    pauses = report.policy is not None and report.policy.auto_pause
    of_month = pace_sentences(pace, report.month, auto_pause=pauses)
    return [*of_month, *budget_sentences(report.budgets)]


def _marks(policy: SpendPolicy | None) -> list[Mark]:
    if policy is None:
        return []
    sent = {alert.threshold_usd: alert.sent_at for alert in policy.status.alerts_sent}
    marks = [
        Mark(
            float(threshold),
            f"alert {json_number(threshold)}"
            + (f" · {short_day(sent[threshold])}" if threshold in sent else ""),
            "alert",
        )
        for threshold in policy.alert_thresholds_usd
        if threshold != policy.monthly_cap_usd
    ]
    return [*marks, Mark(float(policy.monthly_cap_usd), f"cap {json_number(policy.monthly_cap_usd)}", "cap")]


def _days_of_month(month: str) -> list[date]:
    end = last_day(month)
    return [end.replace(day=1) + timedelta(days=number) for number in range(end.day)]


def _tables(
    days: Sequence[date], spent: Mapping[date, float], totals: Sequence[float], policy: SpendPolicy | None
) -> list[Child]:
    by_day = [
        [day.isoformat(), f"{spent.get(day, 0.0):,.2f}", f"{total:,.2f}"]
        for day, total in zip(days, totals, strict=True)
    ]
    headings = [Heading("Day"), Heading("USD", is_number=True), Heading("Total USD", is_number=True)]
    return [_lines_table(policy), table(headings, by_day, "Spend by day")]


def _lines_table(policy: SpendPolicy | None) -> Markup | None:
    if policy is None:
        return None
    sent = {alert.threshold_usd: minute(alert.sent_at) for alert in policy.status.alerts_sent}
    rows = [
        [f"alert at {money(micro_usd(threshold))} USD", sent.get(threshold, "not reached")]
        for threshold in policy.alert_thresholds_usd
    ]
    rows.append(
        [f"cap of {money(micro_usd(policy.monthly_cap_usd))} USD", sent.get(policy.monthly_cap_usd, "")]
    )
    return table([Heading("Line"), Heading("Alert sent")], rows, "Cap and alerts")
