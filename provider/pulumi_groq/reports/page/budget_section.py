"""Budgets by window: meters of what is spent of them, and the budgets that the keys of a team share."""

from collections.abc import Sequence

from pulumi_groq.models.fields import micro_usd
from pulumi_groq.models.usage import BudgetUse
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.page.charts import share_bar
from pulumi_groq.reports.page.markup import Child, Heading, Markup, element, table
from pulumi_groq.reports.phrases import WINDOWS, share
from pulumi_groq.reports.usage.cells import left_of
from pulumi_groq.reports.usage.projection import Pace
from pulumi_groq.reports.usage.report import UsageReport


def team_section(report: UsageReport) -> Markup | None:
    """What is left of the teams' budgets; nothing where no team has any."""
    if not report.teams:
        return None
    rows: list[list[Child]] = [
        [element("div", element("bdi", visible(each.team)), class_="name"), budget_meters(each.budgets)]
        for each in report.teams
    ]
    return element(
        "section",
        element("h2", "Budgets of teams"),
        element(
            "p", "Shared by all keys of the team. Windows are UTC, weeks begin on Monday.", class_="quiet"
        ),
        table([Heading("Team"), Heading("Left (USD)")], rows, "Budgets of teams"),
        id="team-budgets",
    )


def budget_meters(uses: Sequence[BudgetUse], of_month: Pace | None = None) -> list[Child]:
    """A meter for each budget; with `of_month` also when that of the month is reached at its pace."""
    return [_meter(use, of_month if use.per == "month" and use.model is None else None) for use in uses]


def _meter(use: BudgetUse, pace: Pace | None) -> Markup:
    spent = micro_usd(use.spent_usd) / micro_usd(use.budget_usd)
    of_what = f"of the budget {WINDOWS[use.per]}" + (f" for {visible(use.model)}" if use.model else "")
    days = None if pace is None or pace.is_reached else pace.days_to_ceiling
    below = None if days is None else element("small", f"reached in {days:.1f} days")
    model = element("small", visible(use.model)) if use.model else None
    return element(
        "div",
        model,
        left_of(use),
        share_bar(spent, f"{share(spent)} is spent {of_what}"),
        below,
        class_="meter",
    )
