"""A validation as Markdown for an issue or a job summary."""

from typing import Final

from pulumi_groq.reports.checks import Check, Outcome, Validation
from pulumi_groq.reports.inert import code, prose
from pulumi_groq.reports.markdown import LONGEST_COMMENT, Document, row

_SIGNS: Final = {Outcome.OK: "✅", Outcome.MISMATCH: "❌", Outcome.SKIPPED: "⏭️"}
_FIRST: Final = (Outcome.MISMATCH, Outcome.SKIPPED, Outcome.OK)


def validation_markdown(validation: Validation, longest: int = LONGEST_COMMENT) -> str:
    """The report in at most `longest` characters, mismatches first; foreign text in it is inert."""
    verdict = "holds" if validation.holds else "does not hold"
    document = Document(longest)
    document.add(f"## Groq access {verdict}", "")
    document.add(f"{prose(validation.declared)}, against {prose(validation.live)}.")
    document.add("", f"{validation.summary()}.")
    if validation.checks:
        document.add("", row("", "what", "check", "found", "what to do"), row(*["---"] * 5))
    ordered = sorted(validation.checks, key=lambda check: _FIRST.index(check.outcome))
    document.add_each(ordered, lambda check: [_row(check)], "checks")
    return document.text()


def _row(check: Check) -> str:
    return row(
        f"{_SIGNS[check.outcome]} {check.outcome.value}",
        f"{check.section}: {code(check.subject)}",
        check.check,
        prose(check.detail),
        prose(check.todo),
    )
