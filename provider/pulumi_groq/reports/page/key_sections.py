"""Keys, their rotation, and what was changed last."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pulumi_groq.models.api_key import ApiKey
from pulumi_groq.models.history import Change, ObjectKind
from pulumi_groq.reports.escaping import visible
from pulumi_groq.reports.page.budget_section import budget_meters
from pulumi_groq.reports.page.charts import life_bars, share_bar
from pulumi_groq.reports.page.facts import PageFacts, lineages
from pulumi_groq.reports.page.markup import Child, Heading, Markup, element, fragment, table
from pulumi_groq.reports.phrases import LABELS, minute, share
from pulumi_groq.reports.rotation.consumers import not_moved
from pulumi_groq.reports.usage.cells import money
from pulumi_groq.reports.usage.report import UsageReport, UsageRow
from pulumi_groq.rotation.machine import LiveKey, next_rotation_at

ROWS_SHOWN: Final = 100
CONSUMERS_SHOWN: Final = 5
_LIFE_SPAN: Final = timedelta(days=90)
_KINDS: Final[dict[ObjectKind, str]] = {
    "api_key": "key",
    "team": "team",
    "spend_policy": "",
    "admin_key": "admin key",
    "workload_identity": "workload identity",
}


def keys_section(report: UsageReport, keys: Sequence[ApiKey]) -> Markup:
    """The keys that cost most this month."""
    ends = {key.id: key.last_four for key in keys}
    headings = [
        Heading("Key"),
        Heading("USD", is_number=True),
        Heading("Requests", is_number=True),
        Heading("Tokens", is_number=True),
        Heading("Refused", is_number=True),
        Heading("Today's limit"),
        Heading("Left of budgets (USD)"),
        Heading("Last used"),
    ]
    total = report.total
    foot: list[Child] = [
        "All keys",
        money(total.cost_micro_usd),
        f"{total.requests:,}",
        f"{total.tokens:,}",
        f"{total.denied or 0:,}",
        None,
        None,
        None,
    ]
    rows = [_key_row(row, ends.get(row.id)) for row in report.rows[:ROWS_SHOWN]]
    return element(
        "section",
        element("h2", "Keys this month"),
        _more(len(report.rows), "keys", "pulumi-groq usage lists them all"),
        table(headings, rows, "Keys this month", foot) if rows else _nothing("There are no keys."),
        id="key-table",
    )


def rotation_section(facts: PageFacts) -> Markup:
    """Lineages: generation, age, predecessors that still work, and the next rotation where it is known."""
    found = lineages(facts.by_key.keys)
    known = bool(facts.schedules)
    headings = [Heading("Key"), Heading("Generation", is_number=True), Heading("Age", is_number=True)]
    headings += [Heading("Last 90 days"), Heading("In overlap")]
    headings += [Heading("Next rotation")] if known else []
    rows = [_lineage_row(facts, lineage) for lineage in found[:ROWS_SHOWN]]
    note = "Orange is a predecessor that still works; below it stands who has not moved to its successor." + (
        ""
        if known
        else " The dates of coming rotations stand in the Pulumi program: the gateway does not know them."
    )
    return element(
        "section",
        element("h2", "Rotation"),
        element("p", note, class_="quiet"),
        _more(len(found), "lineages of keys", "those in overlap and the oldest come first"),
        table(headings, rows, "Rotation") if rows else _nothing("There are no keys."),
        id="rotation",
    )


def changes_section(changes: Sequence[Change]) -> Markup:
    """What the admin API was last told to change."""
    headings = [Heading("When"), Heading("What"), Heading("Fields"), Heading("Managed by")]
    rows: list[list[Child]] = [
        [
            element("span", minute(change.at), class_="when"),
            fragment(
                f"{_KINDS[change.kind]} ".lstrip(), element("bdi", visible(change.name)), f" {change.action}"
            ),
            ", ".join(LABELS.get(field, field.replace("_", " ")) for field in change.fields),
            element("bdi", visible(change.managed_by)) if change.managed_by else "",
        ]
        for change in changes
    ]
    content = table(headings, rows, "Last changes") if rows else _nothing("Nothing has been changed yet.")
    return element("section", element("h2", "Last changes"), content, id="changes")


def _key_row(row: UsageRow, last_four: str | None) -> list[Child]:
    below = " · ".join(
        part for part in (f"…{last_four}" if last_four else "", visible(row.team or "")) if part
    )
    counts = row.counts
    return [
        _named(row.name, below, [element("span", note, class_="tag note") for note in row.notes]),
        money(counts.cost_micro_usd),
        f"{counts.requests:,}",
        f"{counts.tokens:,}",
        f"{counts.denied or 0:,}",
        _limit(row),
        _budget(row),
        element("span", minute(row.last_used_at), class_="when") if row.last_used_at else "",
    ]


def _limit(row: UsageRow) -> Child:
    limit = row.tightest_limit
    if limit is None:
        return element("span", "none", class_="quiet")
    unit = "requests" if limit.limit == "requests_per_day" else "tokens"
    text = f"{share(limit.share)} of {limit.ceiling:,} {unit}"
    return element(
        "div", text, share_bar(limit.share, f"{share(limit.share)} of today's limit"), class_="meter"
    )


def _budget(row: UsageRow) -> Child:
    return budget_meters(row.budgets, row.budget) or element("span", "none", class_="quiet")


def _lineage_row(facts: PageFacts, lineage: Sequence[ApiKey]) -> list[Child]:
    newest, *older = lineage
    as_of = facts.by_key.as_of
    age_days = (as_of - newest.created_at) // timedelta(days=1)
    lives = [(_place(key.created_at, as_of), 1.0, "leaving") for key in older]
    lives.append((_place(newest.created_at, as_of), 1.0, "living"))
    cells: list[Child] = [
        _named(newest.name, f"…{newest.last_four}", None),
        f"{newest.generation}",
        f"{age_days:,} d",
        life_bars(lives, f"{age_days} days old, {len(older)} in overlap"),
        [_predecessor(facts, key, newest) for key in older] or element("span", "none", class_="quiet"),
    ]
    return [*cells, _next(facts, newest)] if facts.schedules else cells


def _next(facts: PageFacts, key: ApiKey) -> str:
    schedule = facts.schedules.get(key.name)
    if schedule is None:
        return ""
    live = LiveKey(key.id, key.generation, key.last_four, key.created_at, key.last_used_at)
    due = next_rotation_at(schedule, live)
    if due is None:
        return "on request"
    return f"due since {due:%Y-%m-%d}" if due <= facts.by_key.as_of else f"{due:%Y-%m-%d}"


def _place(at: datetime, as_of: datetime) -> float:
    return max(1 - (as_of - at) / _LIFE_SPAN, 0.0)


def _predecessor(facts: PageFacts, key: ApiKey, newest: ApiKey) -> Markup:
    used = f"last used {minute(key.last_used_at)}" if key.last_used_at else "never used"
    return element("div", f"…{key.last_four}", element("small", used), _late(facts, key, newest))


def _late(facts: PageFacts, key: ApiKey, newest: ApiKey) -> Child:
    """Whom to call before the predecessor is retired."""
    if key.id not in facts.consumers:
        return None
    known = facts.consumers[key.id]
    late = not_moved(known, facts.consumers.get(newest.id, ()))
    if not late:
        return element("small", "all have moved") if known else None
    lines: list[Child] = [
        element(
            "li",
            element("bdi", visible(who.address)),
            " ",
            element("bdi", visible(who.user_agent) or "no User-Agent"),
            f", {minute(who.last_used_at)}",
        )
        for who in late[:CONSUMERS_SHOWN]
    ]
    more = len(late) - CONSUMERS_SHOWN
    return element("ul", lines, element("li", f"and {more} more") if more > 0 else None, class_="late")


def _named(name: str, below: str, tags: Child) -> Markup:
    return element("div", element("bdi", visible(name)), " ", tags, element("small", below), class_="name")


def _more(count: int, what: str, hint: str) -> Markup | None:
    if count <= ROWS_SHOWN:
        return None
    return element("p", f"{ROWS_SHOWN} of {count:,} {what}; {hint}.", class_="quiet")


def _nothing(text: str) -> Markup:
    return element("p", text, class_="nothing")
