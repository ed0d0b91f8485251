"""Findings by the organisation's own rules: policy.yaml on what a preview declares."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from pulumi_groq.access import Access
from pulumi_groq.reports.guardrails.judging import SPEND_POLICY, Subject, Verdict, judge, own_name
from pulumi_groq.reports.guardrails.loader import Guardrails
from pulumi_groq.reports.guardrails.sources import declared_subjects
from pulumi_groq.reports.review.changes import NOUNS, PlannedChange
from pulumi_groq.reports.review.findings import Finding, Severity, declarations

PREFIX: Final = "policy:"
"""What the ids of these findings begin with; the id of the rule follows."""

_TODO: Final = {
    "violated": "Change the declaration, or have the rule waived in policy.yaml.",
    "waived": "Nothing, until the waiver ends.",
    "unchecked": "Check it by hand.",
}


def verdicts_of(
    guardrails: Guardrails,
    stack: str,
    changes: Iterable[PlannedChange],
    access: Access | None,
    now: datetime,
) -> tuple[Verdict, ...]:
    """What the rules say of all that would be declared after the run: what changes, and what stays."""
    changed = {(each.kind, each.name): each for each in _changed(changes)}
    staying = (
        (each for each in declared_subjects(access) if (each.kind, each.name) not in changed)
        if access is not None
        else ()
    )
    stays = (replace(each, before=each.declared, before_known=True) for each in staying)
    return judge(guardrails.rules_of(stack), (*changed.values(), *stays), now)


def _changed(changes: Iterable[PlannedChange]) -> Iterator[Subject]:
    for change in changes:
        if change.new is not None:
            yield Subject(change.kind, own_name(change.new) or change.resource, change.new, change.old)


def findings_of(verdicts: Iterable[Verdict], access: Access | None) -> Iterator[Finding]:
    """A finding for each verdict; what is waived or could not be checked is information."""
    places = declarations(access)
    for verdict in verdicts:
        name = "" if verdict.resource == SPEND_POLICY else verdict.resource
        declared = places.get((verdict.kind, name))
        violated = verdict.outcome == "violated"
        yield Finding(
            rule=PREFIX + verdict.rule,
            severity=Severity[verdict.severity.upper()] if violated else Severity.INFO,
            kind=NOUNS[verdict.kind],
            resource=verdict.resource,
            what=verdict.what,
            why=verdict.reason,
            todo=_TODO[verdict.outcome],
            line=declared.line if declared else None,
        )
