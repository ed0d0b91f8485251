"""A review as JSON for programs, its findings as SARIF 2.1.0 and as GitHub workflow commands.

SARIF, the form that GitHub's code scanning takes:
https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html (documented). A job's log turns the
workflow commands into annotations of a file.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from pulumi_groq.reports.escaping import sarif_text, workflow_data, workflow_property
from pulumi_groq.reports.review.change_phrases import affected, gets_new_value, old_and_new, reason
from pulumi_groq.reports.review.changes import PlannedChange
from pulumi_groq.reports.review.findings import Finding, Severity
from pulumi_groq.reports.review.report import Review


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


def _change(change: PlannedChange, review: Review) -> dict[str, Any]:
    fields = {each.field: old_and_new(each, review.plan) for each in change.fields}
    return {
        "operation": change.operation,
        "takes_over": change.takes_over,
        "kind": change.noun,
        "name": change.name,
        "urn": change.urn,
        "fields": {name: {"now": old, "after": new} for name, (old, new) in fields.items()},
        "affected": affected(change, review.plan),
        "new_value_goes_to": list(change.downstream) if gets_new_value(change) else [],
        "reason": reason(change, review.plan),
    }


SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}


def findings_sarif(findings: Iterable[Finding], uri: str) -> str:
    """The findings, at their line (or the first) of the file `uri`, relative to the repository."""
    found = tuple(findings)
    rules = sorted({each.rule for each in found})
    run = {
        "tool": {"driver": {"name": "pulumi-groq review", "rules": [_rule(rule) for rule in rules]}},
        "results": [_result(each, rules.index(each.rule), uri) for each in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: str) -> dict[str, Any]:
    return {"id": rule, "shortDescription": {"text": rule.replace("-", " ").capitalize()}}


def _result(finding: Finding, rule_index: int, uri: str) -> dict[str, Any]:
    sentence = f"{finding.kind} {finding.resource}: {finding.what}. {finding.why} {finding.todo}"
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": finding.line or 1}}
    same = "\0".join((finding.rule, finding.kind, finding.resource))
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": sarif_text(sentence, longest=2_000)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"resource/v1": hashlib.sha256(same.encode("utf-8", "replace")).hexdigest()},
        "properties": {"severity": finding.severity.word},
    }


_COMMANDS: Final = {
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.INFO: "notice",
}


def findings_annotations(findings: Iterable[Finding], file: str) -> str:
    """One line for each finding, at its line in `file` (relative to the repository) or the first one."""
    return "".join(f"{_annotation(each, file)}\n" for each in findings)


def _annotation(finding: Finding, file: str) -> str:
    title = f"{finding.severity.word}: {finding.kind} {finding.resource}"
    properties = f"file={workflow_property(file)},line={finding.line or 1},title={workflow_property(title)}"
    message = workflow_data(f"{finding.what}. {finding.why} {finding.todo}", longest=2_000)
    return f"::{_COMMANDS[finding.severity]} {properties}::{message}"
