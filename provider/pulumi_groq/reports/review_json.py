"""A review as JSON for programs."""

import json
from typing import Any

from pulumi_groq.reports.changes import Change
from pulumi_groq.reports.findings import Finding
from pulumi_groq.reports.review import Review
from pulumi_groq.reports.review_words import affected, gets_new_value, old_and_new, reason


def review_json(review: Review) -> str:
    """The whole review: nothing is left out, and every text is plain."""
    worst = review.worst()
    document = {
        "project": review.project,
        "stack": review.stack,
        "worst_severity": worst.word if worst is not None else None,
        "findings": [finding_fields(each) for each in review.findings],
        "changes": [_change(each, review) for each in review.changes],
        "other_resources": review.others,
        "unchanged_resources": review.unchanged,
        "not_checked": list(review.unchecked),
    }
    return json.dumps(document, indent=2)


def finding_fields(finding: Finding) -> dict[str, Any]:
    """One finding, field by field."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.word,
        "kind": finding.kind,
        "resource": finding.resource,
        "what": finding.what,
        "why": finding.why,
        "what_to_do": finding.todo,
        "line": finding.line,
    }


def _change(change: Change, review: Review) -> dict[str, Any]:
    fields = {each.field: old_and_new(each, review.plan) for each in change.fields}
    return {
        "operation": change.operation,
        "kind": change.noun,
        "name": change.name,
        "urn": change.urn,
        "fields": {name: {"now": old, "after": new} for name, (old, new) in fields.items()},
        "affected": affected(change, review.plan),
        "new_value_goes_to": list(change.downstream) if gets_new_value(change) else [],
        "reason": reason(change, review.plan),
    }
