"""A review as Markdown for a pull request."""

from collections import Counter
from collections.abc import Iterator

from pulumi_groq.reports.escaping import code, prose
from pulumi_groq.reports.markdown import LONGEST_COMMENT, Document, row
from pulumi_groq.reports.phrases import LABELS
from pulumi_groq.reports.review.change_phrases import (
    VERBS,
    affected,
    gets_new_value,
    old_and_new,
    reason,
    verb,
)
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding
from pulumi_groq.reports.review.report import Review

MARKER = "<!-- pulumi-groq review -->"
"""The first line: a workflow finds its own comment by it."""

_SIGNS = {"high": "🔴", "medium": "🟠", "low": "🟡", "info": "⚪"}


def review_markdown(review: Review, longest: int = LONGEST_COMMENT) -> str:
    """The review as GitHub Markdown of at most `longest` characters; foreign text in it is escaped."""
    document = Document(longest)
    document.add(MARKER, f"## Groq access: {_headline(review)}", "")
    document.add(_scope(review))
    if review.findings:
        document.add("", "### Look at first", "")
        document.add(row("", "what", "why it matters", "what to do"), row("---", "---", "---", "---"))
        document.add_each(review.findings, lambda each: [_finding(each)], "findings")
    if review.changes:
        document.add("", "### What changes")
        document.add_each(review.changes, lambda each: list(_change(each, review)), "changes")
    if review.unchecked:
        why, *checks = review.unchecked
        document.add("", "### Not checked", "", prose(why), "", *(f"- {prose(check)}" for check in checks))
    return document.text()


def _headline(review: Review) -> str:
    if not review.changes:
        return "the run would stop" if review.would_stop else "no changes"
    counted: Counter[str] = Counter(verb(change) for change in review.changes)
    return ", ".join(f"{counted[each]} to {each}" for each in VERBS if counted[each])


def _scope(review: Review) -> str:
    parts = [f"Stack {code(f'{review.project}/{review.stack}')}"]
    counted = Counter(each.severity.word for each in review.findings)
    found = ", ".join(f"{counted[word]} {word}" for word in _SIGNS if counted[word])
    parts.append(f"Findings: {found or 'none'}")
    if review.others:
        others = ", ".join(f"{count} to {name}" for name, count in sorted(review.others.items()))
        parts.append(f"Other resources: {prose(others)}")
    return ". ".join(parts) + "."


def _finding(each: Finding) -> str:
    word = each.severity.word
    return row(
        f"{_SIGNS[word]} {word}",
        f"{prose(each.kind)} {code(each.resource)}: {prose(each.what)}",
        prose(each.why),
        prose(each.todo),
    )


def _change(change: PlannedChange, review: Review) -> Iterator[str]:
    yield ""
    yield f"#### {verb(change).capitalize()} {change.noun} {code(change.name)}"
    yield ""
    if change.fields:
        yield from (row("setting", "now", "after"), row("---", "---", "---"))
        for changed in change.fields:
            old, new = old_and_new(changed, review.plan)
            yield row(LABELS[changed.field], _now(change, old), prose(new))
        yield ""
    elif change.old is not None and change.takes_over:
        yield from ("Its settings stay as they are.", "")
    elif change.operation == "update":
        yield from ("No setting that can be shown differs: a secret changes, or a rotation goes on.", "")
    yield f"Affected: {prose(affected(change, review.plan))}."
    if change.downstream:
        takers = ", ".join(code(name) for name in change.downstream)
        if gets_new_value(change):
            yield f"The new value goes to {takers}."
        elif change.takes_over:
            yield f"Its value is not known before a rotation gives it a new one: {takers} gets none."
        else:
            yield f"The value stays, though the preview cannot know it and shows {takers} as changing."
    if review.plan.access is not None:
        why = reason(change, review.plan)
        yield f"Reason given: {prose(why)}" if why else "No reason is given in the access file."


def _now(change: PlannedChange, old: str) -> str:
    if change.operation != "create" or change.old is not None:
        return prose(old)
    return "" if change.takes_over is False else "not known"
