"""A usage report as JSON, CSV and Markdown."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args

from pulumi_groq.models.budgets import Per
from pulumi_groq.models.fields import json_number, usd, wire_time
from pulumi_groq.models.usage import BudgetUse
from pulumi_groq.reports.escaping import code, prose, visible
from pulumi_groq.reports.usage.cells import columns, summary
from pulumi_groq.reports.usage.projection import METHOD, Pace
from pulumi_groq.reports.usage.report import Counts, UsageReport, UsageRow

_FORMULA: Final = re.compile(r"[=+\-@\t\r\n]")


def usage_document(report: UsageReport) -> dict[str, Any]:
    """The report for programs: amounts in US dollars, shares from 0 to 1, times in UTC, names untouched."""
    return {
        "object": "usage_report",
        "by": report.by,
        "month": report.month,
        "as_of": wire_time(report.as_of),
        "rows": [_row(row) for row in report.rows],
        "total": _counts(report.total),
        "cap": _pace(report.pace, "monthly_cap_usd"),
        "budgets": _budgets(report.budgets),
        "projection": METHOD,
        "unused_keys": report.unused_keys,
    }


def usage_csv(report: UsageReport) -> str:
    """The rows as CSV below a heading line; a ' precedes names that spreadsheets take for formulas."""
    rows = [_flat(report, row) for row in report.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=_CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def usage_markdown(report: UsageReport) -> str:
    """The report as Markdown: sentences and a table."""
    shown = columns(report)
    lines = [f"### Usage by {report.by}, {report.month}", ""]
    lines += [f"- {prose(sentence)}" for sentence in summary(report)]
    lines += ["", "| " + " | ".join(column.heading for column in shown) + " |"]
    lines += ["| " + " | ".join("---:" if column.is_number else "---" for column in shown) + " |"]
    for row in report.rows:
        cells = [_markdown_cell(column.cell(row), is_name=not column.is_number) for column in shown]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("| " + " | ".join(f"**{text}**" if text else "" for text in _total(report)) + " |")
    lines += ["", f"Projection: {prose(METHOD)}."]
    return "\n".join(lines) + "\n"


def _total(report: UsageReport) -> Iterator[str]:
    return (prose(column.total(report.total)) for column in columns(report))


def _markdown_cell(text: str, *, is_name: bool) -> str:
    if not text:
        return ""
    return code(text) if is_name else prose(text)


def _row(row: UsageRow) -> dict[str, Any]:
    limits = {
        limit.limit: {"used": limit.used, "limit": limit.ceiling, "share": _share(limit.share)}
        for limit in row.limits
    }
    return {
        "id": row.id,
        "name": row.name,
        "team": row.team,
        **_counts(row.counts),
        "limits_today": limits,
        "projected_usd": None if row.projected_micro_usd is None else _usd(row.projected_micro_usd),
        "budget": _pace(row.budget, "monthly_budget_usd"),
        "budgets": _budgets(row.budgets),
        "last_used_at": wire_time(row.last_used_at) if row.last_used_at else None,
        "notes": list(row.notes),
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "requests": counts.requests,
        "prompt_tokens": counts.prompt_tokens,
        "cached_tokens": counts.cached_tokens,
        "completion_tokens": counts.completion_tokens,
        "tokens": counts.tokens,
        "cost_usd": _usd(counts.cost_micro_usd),
        "refused": counts.denied,
    }


def _pace(pace: Pace | None, ceiling: str) -> dict[str, Any] | None:
    if pace is None:
        return None
    return {
        ceiling: None if pace.ceiling_micro_usd is None else _usd(pace.ceiling_micro_usd),
        "spent_usd": _usd(pace.spent_micro_usd),
        "share": _share(pace.share),
        "projected_usd": None if pace.projected_micro_usd is None else _usd(pace.projected_micro_usd),
        "days_left": None if pace.days_to_ceiling is None else round(pace.days_to_ceiling, 2),
    }


def _budgets(budgets: Sequence[BudgetUse]) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in budgets]


def _usd(micro_usd: int) -> int | float:
    return json_number(usd(micro_usd))


def _share(part: float | None) -> float | None:
    return None if part is None else round(part, 4)


_LEFT_COLUMNS: Final[dict[str, Per]] = {f"left_per_{per}_usd": per for per in get_args(Per)}
_CSV_COLUMNS: Final = (
    "month",
    "by",
    "id",
    "name",
    "team",
    "requests",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "tokens",
    "cost_usd",
    "refused",
    "limit_share",
    "monthly_budget_usd",
    "budget_share",
    "projected_usd",
    "days_left",
    *_LEFT_COLUMNS,
    "last_used_at",
    "notes",
)


def _flat(report: UsageReport, row: UsageRow) -> Mapping[str, Any]:
    budget = _pace(row.budget, "monthly_budget_usd") or {}
    tightest = row.tightest_limit
    return {
        "month": report.month,
        "by": report.by,
        "id": _csv_text(row.id),
        "name": _csv_text(row.name),
        "team": _csv_text(row.team or ""),
        **_counts(row.counts),
        "limit_share": _share(tightest.share) if tightest else None,
        "monthly_budget_usd": budget.get("monthly_budget_usd"),
        "budget_share": budget.get("share"),
        "projected_usd": None if row.projected_micro_usd is None else _usd(row.projected_micro_usd),
        "days_left": budget.get("days_left"),
        **{name: _left(row, per) for name, per in _LEFT_COLUMNS.items()},
        "last_used_at": wire_time(row.last_used_at) if row.last_used_at else None,
        "notes": "; ".join(row.notes),
    }


def _left(row: UsageRow, per: Per) -> int | float | None:
    """Of the budget of all models together."""
    return next(
        (json_number(use.remaining_usd) for use in row.budgets if use.per == per and use.model is None), None
    )


def _csv_text(text: str) -> str:
    """Foreign text for a spreadsheet: visible, on one line, never a formula."""
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(shown.lstrip()) else shown
